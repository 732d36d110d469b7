#!/bin/sh
# Our two indexes of vectors beside FAISS and hnswlib, on the same made-up vectors: time to build, time to search, recall@10.
# Usage: benches/vectors.sh [COUNT]   (100,000; 1,000,000 takes 8 GB of memory and 3 GB in the temporary folder)
set -eu
count=${1:-100000}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet faiss-cpu==1.12.0 hnswlib==0.8.0 numpy==2.4.6
cd "$here"
ours() { cargo run --release --quiet -p pagestream-store --example vector_search -- "$@"; }
ours make "$count" "$work/vectors" "$work/queries"
ours index "$work/vectors" "$work/queries"
# The graph takes a minute for 100,000.
if [ "$count" -le 200000 ]; then ours index "$work/vectors" "$work/queries" graph; fi
"$work/venv/bin/python" benches/vectors/others.py "$work/vectors" "$work/queries"
