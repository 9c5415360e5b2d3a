# strongroom: `make run` tries it, `make test` proves it.
.PHONY: all install build deb run tests test test-slow nodes test-node test-postgres test-clients test-mariadb slapd test-slapd softhsm test-seals lint parity bench docs clean

all: test

install: node_modules/.package-lock.json
node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

# Few files load faster than hundreds: our own code is bundled; the libraries stay what npm installed.
build: install
	npm run --silent build

# A package for Debian and Ubuntu, in build/. docs/install.md
deb: build
	packaging/deb/build.sh

# Installs, builds, starts a development server, encrypts and decrypts a first message with it.
run: build
	@node dist/demo.js

# What a change needs, from clean: every test but those named *.slow.test.ts and *.timed.test.ts.
test: clean install lint
	$(MAKE) --no-print-directory tests
	node_modules/.bin/mocha

# Storms, kills, large vectors, recorded answers and real clients, two files at a time; then, one by one, what measures time or memory.
test-slow: tests
	@node_modules/.bin/mocha --no-package --config .mocharc.slow.json; slow=$$?; \
	node_modules/.bin/mocha --no-package --config .mocharc.timed.json && exit $$slow

# What differs between releases of Node, on the others that we support: HTTP and its verbs, TLS, key forms, PGP, the storage's addon.
# npm brings the releases into .nodes/.
NODES = 22 24
nodes: $(NODES:%=.nodes/%/node_modules/.bin/node)
.nodes/%/node_modules/.bin/node:
	npm install --silent --no-audit --no-fund --no-save --package-lock=false --prefix .nodes/$* node@$*
test-node: tests nodes
	@status=0; for release in $(NODES); do \
	  node=.nodes/$$release/node_modules/.bin/node; \
	  echo "Node $$($$node --version)"; \
	  $$node node_modules/mocha/bin/mocha.js --no-package --config .mocharc.node.json || status=1; \
	done; exit $$status

# The program as users get it, and everything compiled for mocha.
tests: build
	node_modules/.bin/tsc -p tsconfig.json

# Follows docs/backups.md with a real PostgreSQL, which Debian's package brings if it is missing and we are root.
test-postgres: tests
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || apt-get install -y --no-install-recommends postgresql
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/scenarios/command-line/postgres.slow.test.js

# Real clients: hvac's own tests (Python 3 with venv; PyPI), a program with github.com/hashicorp/vault/api (Go; its module proxy), node-vault (npm),
# OpenBao's program, castellan's own tests (PyPI), consul-template (Go).
# `make test-slow` runs them too, and says so where it leaves one out. What comes from PyPI and what Go compiles is kept in .clients/.
test-clients: tests
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/clients/*.test.js

# MariaDB with its keys in our key-value store; Debian's packages come if they are missing and we are root.
test-mariadb: tests
	ls /usr/lib/mysql/plugin/hashicorp_key_management.so >/dev/null 2>&1 || \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mariadb-server mariadb-plugin-hashicorp-key-management
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/clients/mariadb.slow.test.js

# Logins with OpenLDAP's server; Debian's package comes if it is missing and we are root. The server that it would start is none of ours.
slapd:
	@test -x /usr/sbin/slapd || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends slapd; }
test-slapd: tests slapd
	node_modules/.bin/mocha --no-package --timeout 60000 build/test/auth/ldap/slapd.slow.test.js

# Seals with a key in an HSM or in KMS: SoftHSM, which Debian's package brings if it is missing and we are root, and moto's server (PyPI).
softhsm:
	@test -x /usr/bin/softhsm2-util -a -x /usr/bin/pkcs11-tool || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends softhsm2 opensc; }
test-seals: tests softhsm
	node_modules/.bin/mocha --no-package --timeout 120000 build/test/seal/auto/*.slow.test.js build/test/scenarios/server/seals.slow.test.js build/test/docs/hsm.slow.test.js

lint: install
	node_modules/.bin/prettier --check src test bench --log-level warn
	node_modules/.bin/oxlint --type-aware --deny-warnings src test bench

bench: build
	node_modules/.bin/tsc -p tsconfig.json
	node build/bench/transit.js
	node build/bench/operations.js
	node build/bench/durable.js
	node build/bench/kv.js
	node build/bench/snapshots.js
	node build/bench/list.js
	node build/bench/audit.js
	node build/bench/audit-verify.js
	node build/bench/start.js
	node build/bench/logins.js
	node build/bench/entities.js
	@test -z "$$BAO" || node build/bench/peer.js

# Writes docs/settings.md anew; a test compares it with the settings of the program.
docs: tests
	node -e "import('./build/test/config/settings-page.js').then((page) => page.write())"

clean:
	rm -rf build dist
