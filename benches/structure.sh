#!/usr/bin/env bash
# Markdown of documents whose structure is known, beside what a user could install instead: F1 of headings, list items and paragraphs, TEDS of tables,
# running heads left in, CPU time a page. Documents are made on the spot: HTML set by Chromium and LaTeX, each with a style sheet of its own, and scans of both.
#
#   benches/structure.sh [COUNT] [FOLDER]     COUNT documents of each kind (20), kept in FOLDER (target/structure)
#
# Needs chromium, pdflatex and poppler-utils; makes itself an environment of Python with the other programs in it.
set -euo pipefail
cd "$(dirname "$0")/.."
count="${1:-20}"
folder="${2:-target/structure}"
here=benches/structure
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet markdown-it-py==4.3.0 rapidfuzz apted==1.0.3 lxml pillow numpy pdf_oxide==0.3.78 liteparse==2.18.0 \
        kreuzberg==4.10.4 "markitdown[pdf]==0.1.9" pymupdf4llm==1.28.2
fi
python="$folder/venv/bin/python"
cargo build --release --quiet
grep -m1 'model name' /proc/cpuinfo
grep -qw avx512_vnni /proc/cpuinfo && echo 'AVX-512 VNNI' || echo 'no AVX-512 VNNI'
"$python" "$here/make.py" "$folder/documents" "$count" --seed 5000
"$python" "$here/make.py" "$folder/documents" "$count" --seed 5000 --latex
"$python" "$here/scan.py" "$folder/documents" "$folder/scans"
for program in target/release/pagestream pymupdf4llm pdf_oxide liteparse kreuzberg markitdown; do
    target="$folder/$(basename "$program")"
    echo "== $program"
    "$python" "$here/peers.py" "$program" "$target" "$folder"/documents/*.pdf 2>/dev/null | tail -1
    for only in html latex; do
        echo "-- $only"
        "$python" "$here/score.py" "$folder/documents" "$target" --only "$only"
    done
done
echo "== target/release/pagestream, scans"
"$python" "$here/peers.py" target/release/pagestream "$folder/of-scans" "$folder"/scans/*.pdf 2>/dev/null | tail -1
"$python" "$here/score.py" "$folder/scans" "$folder/of-scans" --alike .8
