"""A second reader of audit logs, written from docs/formats.md alone: one verdict a line for cases (JSON) on standard input.
A case is {"files": [...], "keys": [vkey, ...], "checkpoints": [...]}; a verdict is "intact" or "BROKEN: why". ML-DSA signatures are passed over.
"""
import base64, gzip, hashlib, json, os, re, sys
from functools import lru_cache, reduce

BESIDE = re.compile(r"\.(checkpoints|vkeys|cosignatures|torn|next|tmp|reserve)$|\.aside-\d+$")
ARCHIVE = re.compile(r"^(.+)\.([0-9a-f]{8})\.(\d{12,})-(\d{12,})(?:\.gz)?$")
ACCEPTED = re.compile(rb'^\{"time":"[^"]+","type":"request","request":\{"id":"[^"]*",[^[]{40,60}"path":"sys/audit/accepted"')
COMMIT = re.compile(rb',"commit":([0-9]{1,16})$')
LINK = re.compile(rb',"chain":\{"seq":([1-9][0-9]{0,15}),"prev":"([A-Za-z0-9+/]{43}=|)"\}\}$')
OWN = re.compile(r'^\{"time":"[^"]+","type":"request","request":\{"id":"[^"]*",[^[]{40,60}"path":"sys/audit/begin"')
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
class Broken(Exception): pass
def need(ok, why):
    if not ok: raise Broken(why)
def sha(data): return hashlib.sha256(data).digest()
def raw(text):
    need(base64.b64encode(base64.b64decode(text)).decode() == text, "no base64")
    return base64.b64decode(text)
def push(peaks, size, one):
    while size & 1: one, size = sha(b"\1" + peaks.pop() + one), size >> 1
    peaks.append(one)
def root(peaks): return reduce(lambda top, peak: sha(b"\1" + peak + top), reversed(peaks)) if peaks else sha(b"")
def pairs(members):
    need(len(dict(members)) == len(members), "a name twice")
    return dict(members)
def strict(line):
    text = line.decode("utf-8")
    value = json.loads(text, object_pairs_hook=pairs, parse_constant=lambda _: need(False, "no JSON"))
    need(isinstance(value, dict) and not re.search(r"\s", STRING.sub('""', text)), "no strict JSON")
    return value["request"]["data"] if OWN.match(text) else None
def begin_of(lines):
    try: return strict(lines[0]) if lines else None
    except (Broken, ValueError): return None
def lines_of(path): return (gzip.open if path.endswith(".gz") else open)(path, "rb").read().split(b"\n")
def vkey(text):
    name, ident, data = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text).groups()
    need(sha(name.encode() + b"\n" + raw(data)).hex()[:8] == ident, "a key that is none")
    return name, ident, raw(data)
def keys_in(path):
    rows = [row.split(" ") for row in open(path).read().split("\n") if row and not row.startswith("#")]
    return [(int(start), None if end == "-" else int(end)) + vkey(key) for start, end, key in rows]
def records(path, origin):
    pieces = open(path, "rb").read().decode("utf-8", "replace").split("\n\n")[:-1]
    for body, signatures in zip(pieces[0::2], pieces[1::2]):
        found = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)(?:\n[^\n]+)*", body)
        rows = [re.fullmatch(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})", row) for row in signatures.split("\n")]
        need(found and all(rows) and not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", body + signatures), "no checkpoint")
        signed = [(row[1], raw(row[2])) for row in rows]
        if origin in (None, found[1]): yield (body + "\n").encode(), found[1], int(found[2]), raw(found[3]), signed
def signers(record, keys):
    body, name, _, _, signatures = record
    good = [(key, data[4:]) for key in keys for signer, data in signatures
            if key[2] == name == signer and data[:4].hex() == key[3] and key[4][0] == 1]
    need(all(ed25519(key[4][1:], body, data) for key, data in good), "a wrong signature")
    return [key for key, _ in good]
def covers(key, size): return key[0] <= size < (key[1] or size + 1)
def live_names(path):
    if ARCHIVE.match(path): return [ARCHIVE.match(path)[1]]
    names = [re.sub(r"\.gz$", "", path)]
    while re.search(r"[.-][0-9.-]+$", os.path.basename(names[-1])):
        names.append(re.sub(r"[.-][0-9]+$|[.-]+$", "", names[-1]))
    return names
def evidence(case, files, origin):
    lives = list(dict.fromkeys(name for path in files for name in live_names(path)))
    places = dict.fromkeys([re.sub(r"\.gz$", "", path) + end for path in files + lives for end in (".checkpoints", ".cosignatures")])
    places = [*filter(os.path.exists, places), *case.get("checkpoints", [])]
    found = sorted((one for path in places for one in records(path, origin)), key=lambda one: one[2])
    own = [key for path in lives if os.path.exists(path + ".vkeys") for key in keys_in(path + ".vkeys")]
    trusted = [(0, None) + vkey(text) for text in case.get("keys", [])] or own
    for one in found if trusted is not own else []:
        fresh = [key for key in own if key[0] == one[2] and all(key[4] != other[4] for other in trusted)]
        old = fresh and [key for key in signers(one, trusted) if covers(key, one[2]) and key[0] < one[2]]
        new = signers(one, fresh) if old else []
        ended = [key for key in old if new and key[1] is None]
        trusted = [key[:1] + (one[2] + 1,) + key[2:] if key in ended else key for key in trusted] + new
    signed = {}
    for one in found:
        need(any(covers(key, one[2]) for key in signers(one, trusted)), "signed by no key that may")
        need(signed.setdefault(one[2], one[3]) == one[3], "a fork")
    return signed

def log(case, files):
    first = next((begin for begin in (begin_of(lines[:-1]) for _, _, lines in files) if begin), None)
    paths = [path for _, path, _ in files]
    signed = evidence(case, paths, first and first["origin"])
    before, peaks, met, size, commit = None, None, 0, 0, 0
    for at, (_, _, lines) in enumerate(files):
        need(not lines[-1] or at == len(files) - 1, "half a line in the middle")
        for line in lines[:-1]:
            link, told = LINK.search(line[-120:]), strict(line)
            need(link, "no link")
            seq, prev = int(link[1]), link[2] and raw(link[2].decode())
            if before is None:
                need((seq == 1) == (prev == b"") and (seq == 1 or told), "a wrong start")
                peaks = [] if seq == 1 else None
            else: need(seq == size + 1 and prev == before, "a broken chain")
            if told:
                need(all(told[name] == first[name] for name in ("log", "origin")) and told["size"] == seq - 1, "another log")
                known = [raw(peak) for peak in told["peaks"]] if "peaks" in told else None
                need(peaks is None or known is None or root(known) == root(peaks), "another tree")
                peaks = known if peaks is None else peaks
            if ACCEPTED.search(line[:400]): commit = 0
            mark = COMMIT.search(line, 0, len(line) - len(link[0]))
            need(not mark or int(mark[1]) >= commit, "a commit before the one before it")
            commit = int(mark[1]) if mark else commit
            before, size = sha(b"\0" + line), seq
            if peaks is not None:
                push(peaks, seq - 1, before)
                need(seq not in signed or root(peaks) == signed[seq], "another root")
                met += seq in signed
    named = ARCHIVE.match(paths[-1])
    need(not named or size >= int(named[4]), "cut off")
    beside = any(name not in case["files"] and os.path.exists(name) for name in live_names(paths[-1])[0 if named else 1:])
    need(max(signed, default=0) <= size or beside, "cut off")
    need(met or not case.get("keys"), "not signed by a trusted key")
    return first, size, before
def verify(case):
    logs = {}
    for path in case["files"]:
        if BESIDE.search(path): continue
        lines, named = lines_of(path), ARCHIVE.match(path)
        link, begin = LINK.search(lines[0][-120:]), begin_of(lines[:-1])
        order = int(link[1]) if link else int(named[3]) if named else float("inf")
        logs.setdefault(begin and begin["log"], []).append((order, path, lines))
    if None in logs and len(logs) > 1: logs[next(key for key in logs if key)] += logs.pop(None)
    ends = {key: log(case, sorted(files, key=lambda one: one[0])) for key, files in logs.items()}
    for first, _, _ in ends.values():
        said = (first or {}).get("follows")
        if said and said["log"] in ends: need(ends[said["log"]][1:] == (said["size"], raw(said["leaf"])), "another end")
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
def add(a, b):
    s, t, u, v = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0]), 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    return (t - s) * (v - u) % P, (v + u) * (t + s) % P, (v - u) * (v + u) % P, (t - s) * (t + s) % P
def times(n, point):
    if n == 0: return 0, 1, 1, 0
    return add(times(n // 2, add(point, point)), point if n & 1 else (0, 1, 1, 0))
def point(data):
    sign, y = divmod(int.from_bytes(data, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P: x = x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x or not sign), "no point")
    return (x if x & 1 == sign else P - x), y, 1, (x if x & 1 == sign else P - x) * y % P
@lru_cache(None)
def ed25519(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))), add(point(signature[:32]), times(h, point(key)))
    same = all((left[at] * right[2] - right[at] * left[2]) % P == 0 for at in (0, 1))
    return len(signature) == 64 and s < L and same
for text in sys.stdin:
    try: verify(json.loads(text)); print("intact", flush=True)
    except Exception as why: print(f"BROKEN: {why}", flush=True)
