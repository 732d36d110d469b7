#!/usr/bin/env bash
# The page for people in a real browser: dropping, reading, searching, downloading, with the keyboard alone, in the dark, on a narrow screen; names for
# those who hear it; and that it says nothing to the console and asks nobody else. No part of `cargo test`, since it needs Chromium and Node:
#
#   apt-get install chromium nodejs npm
#   tests/browser/run.sh [FOLDER]     screenshots are left in FOLDER
#
# CHROMIUM names another browser, PAGESTREAM another program, and PAGE=src/server/page serves the page's files as they are there, without a build.
set -euo pipefail
cd "$(dirname "$0")/../.."
program="${PAGESTREAM:-target/release/pagestream}"
[[ -n "${PAGESTREAM:-}" ]] || cargo build --release --features server --quiet
folder="${1:-}"
[[ -z "$folder" ]] || mkdir -p "$folder"
work="$(mktemp -d)"
server=
trap '[[ -z "$server" ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cp tests/browser/package.json tests/browser/package-lock.json tests/browser/page.mjs "$work/"
npm ci --silent --no-audit --no-fund --prefix "$work"
"$program" serve --bind 127.0.0.1:0 --offline --set embeddings.mode=never --data-dir "$work/data" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    url="$(sed -n 's/^listening on //p' "$work/log")"
    [[ -z "$url" ]] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[[ -n "$url" ]] || { cat "$work/log" >&2; exit 1; }
PAGE="${PAGE:+$(realpath "$PAGE")}" node "$work/page.mjs" "$url/" "$PWD/examples/data/sample.pdf" ${folder:+"$(realpath "$folder")"}
