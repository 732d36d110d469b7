#!/usr/bin/env bash
# The words of text layers, in order, beside those of pdftotext, PDFium, MuPDF and pdf.js, a file at a time: where most of them agree
# with each other and not with us, somebody should look. Prints the Markdown table of BENCHMARKS.md, the files that differ and why.
#
#   PAGESTREAM_CORPORA=… benches/text_layers.sh     the corpora's PDFs
#   benches/text_layers.sh DIR…                     all PDFs below these folders
#
#   LIMIT=0.01      share of the words from which a file counts as different
#   MOST_PAGES=50   pages of each file
#   SHOW=N          and, of the N worst files without a reason, the words that differ
#
# Everything that is installed for it goes into target/text-layers: a Python environment (PDFium, MuPDF, rapidfuzz) and pdf.js, which runs
# on Node. Poppler and Node come from the system's packages. What the others read is kept there, by the file's bytes; why a file differs
# is kept in benches/text_layers/reasons.tsv.
set -euo pipefail
cd "$(dirname "$0")/.."

folders=("$@")
if [[ ${#folders[@]} == 0 ]]; then
    folders=("${PAGESTREAM_CORPORA:?set it to the corpora, or name folders of PDFs}")
fi
for program in pdftotext node npm python3; do
    if ! command -v "$program" >/dev/null; then
        echo "text_layers.sh: $program is missing: apt-get install poppler-utils nodejs npm python3-venv" >&2
        exit 1
    fi
done

work="$PWD/target/text-layers"
python="$work/venv/bin/python"
echo 'building and installing …' >&2
cargo build --release --quiet
if [[ ! -x "$python" ]]; then
    python3 -m venv "$work/venv"
fi
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 pymupdf==2.0 rapidfuzz==3.14.6
if [[ ! -d "$work/node_modules/pdfjs-dist" ]]; then
    npm install --silent --no-audit --no-fund --omit=optional --prefix "$work" pdfjs-dist@5.4.296
fi
PAGESTREAM="${PAGESTREAM:-$PWD/target/release/pagestream}" "$python" benches/text_layers/compare.py "$work" "${folders[@]}"
