#!/usr/bin/env bash
# In a PDF's WinAnsiEncoding code 173 is a hyphen, a visible one (PDF 32000-1, annex D.2), although in Windows-1252 it is the
# soft hyphen. Four readers, three answers for the same "co-op": PDFium and MuPDF give the hyphen, pypdf U+00AD, which most programs
# do not show and full-text search treats as it likes, and pdfminer.six a space, which makes two words of one.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

cat > make.py <<'PY'
text = b"BT /F 12 Tf 20 70 Td (a co\255op) Tj ET"
objects = [
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
    b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
    b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
]
out, places = b"%PDF-1.7\n", []
for number, body in enumerate(objects, 1):
    places.append(len(out))
    out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
open("page.pdf", "wb").write(out + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out))
PY
python3 make.py

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile pypdfium2==5.15.2 pymupdf==2.0 pypdf==7.1.1 pdfminer.six==20260107
cat > read.py <<'PY'
import pymupdf
import pypdf
import pypdfium2
from pdfminer.high_level import extract_text

print("PDFium (pypdfium2 5.15.2):", ascii(pypdfium2.PdfDocument("page.pdf")[0].get_textpage().get_text_range()))
print("MuPDF (pymupdf 2.0):", ascii(pymupdf.open("page.pdf")[0].get_text().strip()))
print("pypdf 7.1.1:", ascii(pypdf.PdfReader("page.pdf").pages[0].extract_text()))
print("pdfminer.six 20260107:", ascii(extract_text("page.pdf").strip()))
PY
seen=$(venv/bin/python read.py)
expected="PDFium (pypdfium2 5.15.2): 'a co-op'
MuPDF (pymupdf 2.0): 'a co-op'
pypdf 7.1.1: 'a co\\xadop'
pdfminer.six 20260107: 'a co op'"

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
