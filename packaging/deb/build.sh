#!/bin/sh
# Builds build/strongroom_VERSION_ARCH.deb from dist/ and the installed libraries: `make deb`.
set -eu
cd "$(dirname "$0")/../.."
version=$(node -p 'require("./package.json").version')
architecture=$(dpkg --print-architecture)
case $architecture in amd64) node=x64 ;; arm64) node=arm64 ;; *) echo "no prebuilt storage for $architecture" >&2; exit 1 ;; esac
# Two builds of one commit are the same, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022
root=build/deb
rm -rf "$root"
mkdir -p "$root/DEBIAN" "$root/etc" "$root/usr/bin" "$root/usr/share/doc" "$root/usr/share/bash-completion/completions"

install -d "$root/usr/lib/strongroom" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/share/strongroom"
cp -R dist package.json "$root/usr/lib/strongroom/"
npm ls --omit=dev --all --parseable | tail -n +2 | while read -r library; do
  target=$root/usr/lib/strongroom/node_modules/${library#"$PWD"/node_modules/}
  mkdir -p "$target"
  # A library inside another one comes on its own line, if it is needed.
  (cd "$library" && tar -cf - --exclude=./node_modules .) | tar -xf - -C "$target"
done
# What is not for this machine, or not to run.
find "$root/usr/lib/strongroom/node_modules" -path '*/prebuilds/*' -prune ! -name "linux-$node" -exec rm -rf {} +
find "$root/usr/lib/strongroom/node_modules" -path '*/build/koffi/*' -prune ! -name "linux_$node" -exec rm -rf {} +
find "$root/usr/lib/strongroom/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete
find "$root/usr/lib/strongroom/node_modules" \( -name '*.cc' -o -name '*.cpp' -o -name '*.c' -o -name '*.h' -o -name '*.hh' -o -name '*.gyp*' \) -delete
find "$root/usr/lib/strongroom/node_modules" -type d -empty -delete
ln -s ../lib/strongroom/dist/main.js "$root/usr/bin/strongroom"

install -m 644 config/strongroom.service "$root/usr/lib/systemd/system/strongroom.service"
install -m 644 packaging/deb/sysusers.conf "$root/usr/lib/sysusers.d/strongroom.conf"
install -D -m 640 config/strongroom.hcl "$root/etc/strongroom/strongroom.hcl"
cp -R policies config/monitoring "$root/usr/share/strongroom/"
install -d "$root/usr/share/doc/strongroom"
cp -R README.md CHANGELOG.md docs "$root/usr/share/doc/strongroom/"
install -m 644 LICENSE "$root/usr/share/doc/strongroom/copyright"
node dist/main.js completion bash > "$root/usr/share/bash-completion/completions/strongroom"
# Whatever umask the checkout and the build had: the server reads its program as another user.
chmod -R u=rwX,go=rX "$root/usr"

size=$(du -k -s --apparent-size "$root/usr" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" packaging/deb/control > "$root/DEBIAN/control"
echo /etc/strongroom/strongroom.hcl > "$root/DEBIAN/conffiles"
(cd "$root" && find usr etc -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$root/DEBIAN/"
dpkg-deb --build --root-owner-group -Zgzip "$root" "build/strongroom_${version}_${architecture}.deb"
