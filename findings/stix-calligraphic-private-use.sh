#!/usr/bin/env bash
# The fonts of STIX 1, which Matplotlib sets formulas in (`mathtext.fontset: stix`) and TeX's package `stix` too, have their calligraphic capitals in the
# private area (U+E22D to U+E246), although Unicode has them (U+1D49C and on). Files say so in their ToUnicode maps, so what is copied, searched
# or extracted of \mathcal{A} is a character that means nothing outside the font, whereas \mathbb, \mathfrak and \mathscr beside it come as what they are.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile matplotlib==3.11.2 pypdfium2==5.15.2 pymupdf==2.0 pypdf==7.1.1
cat > make.py <<'PY'
import matplotlib

matplotlib.use("pdf")
matplotlib.rcParams.update({"mathtext.fontset": "stix", "pdf.fonttype": 42})
from matplotlib import pyplot

figure = pyplot.figure(figsize=(3, 1))
figure.text(0.1, 0.5, r"$\mathcal{A}\,\mathcal{Z}\,\mathbb{R}\,\mathfrak{G}\,\mathscr{L}$")
figure.savefig("formula.pdf")
PY
venv/bin/python make.py
cat > read.py <<'PY'
import pymupdf
import pypdf
import pypdfium2

def codes(text):
    return " ".join(f"U+{ord(c):04X}" for c in text if not c.isspace())

print("PDFium (pypdfium2 5.15.2):", codes(pypdfium2.PdfDocument("formula.pdf")[0].get_textpage().get_text_range()))
print("MuPDF (pymupdf 2.0):", codes(pymupdf.open("formula.pdf")[0].get_text()))
print("pypdf 7.1.1:", codes(pypdf.PdfReader("formula.pdf").pages[0].extract_text()))
PY
seen=$(venv/bin/python read.py)
expected="PDFium (pypdfium2 5.15.2): U+E22D U+E246 U+211D U+1D50A U+2112
MuPDF (pymupdf 2.0): U+E22D U+E246 U+211D U+1D50A U+2112
pypdf 7.1.1: U+E22D U+E246 U+211D U+1D50A U+2112"

printf 'Matplotlib 3.11.2, of a formula with \\mathcal{A}, \\mathcal{Z}, \\mathbb{R}, \\mathfrak{G}, \\mathscr{L}:\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
