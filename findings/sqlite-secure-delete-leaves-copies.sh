#!/usr/bin/env bash
# SQLite 3.54.1 with `PRAGMA secure_delete = ON`, which "overwrites deleted content with zeros". Where a tree is rebalanced, entries move
# to another page, and the page that they came from keeps a copy of them between its pointers and its entries. When the entry is
# deleted later, only the one that counts is overwritten. One would guess that after the deletion, a checkpoint and the end of the connection
# no file holds the words. They are gone only when whole pages are let go, or after VACUUM.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile apsw==3.54.1.0
cat > run.py <<'PY'
import hashlib, apsw

words = [hashlib.sha256(b"%d" % n).hexdigest()[:20] for n in range(12_000)]
removed = words[::12]
db = apsw.Connection("words.sqlite3")
db.execute("PRAGMA secure_delete = ON")
db.execute("CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID")
with db:
    db.executemany("INSERT INTO words VALUES (?)", ((word,) for word in words))
with db:
    db.executemany("DELETE FROM words WHERE word = ?", ((word,) for word in removed))

def left():
    data = open("words.sqlite3", "rb").read()
    return "some" if any(word.encode() in data for word in removed) else "none"

print("SQLite", apsw.sqlite_lib_version(), "secure_delete", db.execute("PRAGMA secure_delete").get)
print("of the deleted words the file holds", left())
db.execute("VACUUM")
print("after VACUUM it holds", left())
PY
seen=$(venv/bin/python run.py)
expected='SQLite 3.54.1 secure_delete 1
of the deleted words the file holds some
after VACUUM it holds none'

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
