#!/usr/bin/env bash
# Formulas of text layers against their LaTeX: documents set by pdflatex in four families of fonts, with formulas of the documentation of free Python packages,
# displayed and in sentences. Prints for each document how many came out exactly, the edit distance of tokens, and how many were found as what they are.
#
#   benches/formulas.sh [COUNT] [FOLDER]     COUNT formulas a document (60), kept in FOLDER (target/formulas)
#
# Then the same pages read from their pixels (`--ocr always --quality fast`).
#
# Needs pdflatex with lmodern and the PostScript fonts; pip fetches the packages whose documentation has the formulas.
set -euo pipefail
cd "$(dirname "$0")/.."
count="${1:-60}"
folder="$(realpath -m "${2:-target/formulas}")"
mkdir -p "$folder/documents" "$folder/records"
export LAB_WORK="$folder/lab" PYTHONPATH="$PWD/models/training"
mkdir -p "$LAB_WORK"
[ -f "$LAB_WORK/formulas.json" ] || python3 -m lab.formula.sources
cargo build --release --quiet
# Seeds below 10 were looked at while rules were made.
for seed in 11 12 13 14; do
    [ -f "$folder/documents/formulas-$seed.pdf" ] || python3 benches/formulas/make.py "$folder/documents" "$LAB_WORK/formulas.json" --seed "$seed" --count "$count"
done
for document in "$folder"/documents/*.pdf; do
    target/release/pagestream process "$document" -f jsonl --duplicates off >"$folder/records/$(basename "$document" .pdf).jsonl"
done
python3 benches/formulas/score.py "$folder/documents" "$folder/records"
mkdir -p "$folder/pixels"
for document in "$folder"/documents/*.pdf; do
    target/release/pagestream process "$document" -f jsonl --duplicates off --ocr always --quality fast >"$folder/pixels/$(basename "$document" .pdf).jsonl"
done
echo "of pixels:"
python3 benches/formulas/score.py "$folder/documents" "$folder/pixels"
