#!/usr/bin/env bash
# Results as other programs take them: validators, readers of PDFs, and what a searchable PDF costs beside OCRmyPDF. Prints the Markdown
# tables of BENCHMARKS.md.
#
#   benches/outputs.sh FILE…           PDFs and images to be read
#
#   ALTO_XSD=FILE   ALTO 4.4's schema (no package has it); without it ALTO is not checked
#   OCRMYPDF=1      and OCRmyPDF 17 on the same files, one core each
#
# Everything that is installed for it goes into target/outputs: a Python environment (OCR-D's package for the schema of PAGE, hocr-spec, PDFium,
# OCRmyPDF) and pdf.js, which runs on Node. Poppler, qpdf, Tesseract and Ghostscript come from the system's packages.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -gt 0 ]] || { echo 'outputs.sh: name files to be read' >&2; exit 1; }
for program in pdftotext qpdf node npm python3; do
    command -v "$program" >/dev/null || { echo "outputs.sh: $program is missing: apt-get install poppler-utils qpdf nodejs npm python3-venv" >&2; exit 1; }
done
work="$PWD/target/outputs"
echo 'building and installing …' >&2
cargo build --release --quiet
pagestream="${PAGESTREAM:-$PWD/target/release/pagestream}"
[[ -x "$work/venv/bin/python" ]] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check lxml hocr-spec==0.2.0 pypdfium2==5.15.2 rapidfuzz==3.14.6 ocrmypdf==17.13.0
if [[ ! -f "$work/ocrd_validators/page.xsd" ]]; then
    "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" ocrd==3.13.3
    (cd "$work" && python3 -m zipfile -e ocrd-3.13.3-py3-none-any.whl wheel && mv wheel/ocrd_validators . && rm -rf wheel)
fi
[[ -d "$work/node_modules/pdfjs-dist" ]] || npm install --silent --no-audit --no-fund --omit=optional --prefix "$work" pdfjs-dist@5.4.296
cp benches/outputs/text.mjs "$work/"

rm -rf "$work/results" "$work/peer"
mkdir -p "$work/peer"
"$pagestream" process "$@" --quality fast --offline -f text,jsonl,json,tsv,hocr,alto,page,pdf -o "$work/results" || true
"$work/venv/bin/python" benches/outputs/check.py "$work/results" "$work/text.mjs" "$work/ocrd_validators/page.xsd" ${ALTO_XSD:+"$ALTO_XSD"}

[[ "${OCRMYPDF:-}" ]] || exit 0
echo
echo '| file | program | seconds | CPU s | MiB | bytes before | bytes after |'
echo '|---|---|---|---|---|---|---|'
for file in "$@"; do
    name="$(basename "${file%.*}")"
    row() {
        local program="$1" out="$2"
        shift 2
        /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" >/dev/null 2>&1 || true
        read -r wall user system kib < <(tail -1 "$work/time")
        echo "| $name | $program | $wall | $(echo "$user + $system" | bc) | $((kib / 1024)) | $(stat -c %s "$file") | $(stat -c %s "$out" 2>/dev/null || echo none) |"
    }
    export OMP_THREAD_LIMIT=1
    row pagestream "$work/peer/ours.pdf" bash -c '"$0" process "$1" --quality fast --offline --threads 1 -f pdf >"$2"' "$pagestream" "$file" "$work/peer/ours.pdf"
    row OCRmyPDF "$work/peer/theirs.pdf" "$work/venv/bin/ocrmypdf" --jobs 1 --force-ocr --output-type pdf --image-dpi 300 "$file" "$work/peer/theirs.pdf"
    rm -f "$work/peer/"*.pdf
done
