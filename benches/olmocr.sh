#!/usr/bin/env bash
# The corpora's unit tests of documents (in the manner of olmOCR-bench) of what a user could install instead, and of ours: how many checks of each kind
# pass, and CPU time a page. Prints the Markdown table of BENCHMARKS.md.
#
#   PAGESTREAM_CORPORA=… benches/olmocr.sh [FOLDER]     results are kept in FOLDER (target/olmocr)
#
# Needs poppler-utils and, for pymupdf4llm on pages without text, Tesseract. Programs that are given as PROGRAMS alone are run.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PAGESTREAM_CORPORA:?names the folder of the corpora}"
folder="$(realpath -m "${1:-target/olmocr}")"
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/python" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet pdf_oxide==0.3.78 liteparse==2.18.0 kreuzberg==4.10.4 "markitdown[pdf]==0.1.9" pymupdf4llm==1.28.2
fi
cargo build --release --quiet
test="$(cargo test --release --test olmocr --no-run --message-format=json 2>/dev/null | grep -o '"executable":"[^"]*olmocr-[^"]*"' | cut -d'"' -f4)"
pdfs="$PAGESTREAM_CORPORA/ocr/olmocr/pdfs"
echo '| program | present | absent | order | table | baseline | all | by hand | CPU ms a page |'
echo '|---|---|---|---|---|---|---|---|---|'
for program in ${PROGRAMS:-target/release/pagestream pymupdf4llm pdf_oxide liteparse kreuzberg markitdown pdftotext}; do
    name="$(basename "$program")"
    cost="$("$folder/venv/bin/python" benches/structure/peers.py "$program" "$folder/$name" --pages "$pdfs"/*.pdf 2>/dev/null | grep -o '[0-9.]* ms a page' | cut -d' ' -f1)"
    counts="$(OLMOCR_MARKDOWN="$folder/$name" "$test" documents_pass --nocapture 2>/dev/null | grep -m1 -E '^[0-9]+ of [0-9]+:')" || true
    of() { sed -nE "s/.*\"$1\": \(([0-9]+), ([0-9]+)\).*/\1 of \2/p" <<<"$counts"; }
    by_hand="$(sed -nE 's/.*by hand \(([0-9]+), ([0-9]+)\).*/\1 of \2/p' <<<"$counts")"
    echo "| $name | $(of present) | $(of absent) | $(of order) | $(of table) | $(of baseline) | ${counts%%:*} | $by_hand | $cost |"
done
