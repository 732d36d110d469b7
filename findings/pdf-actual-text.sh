#!/usr/bin/env bash
# /ActualText (PDF 32000-1, 14.9.4) says what stands on the page where the glyphs do not: initials, ligatures, words drawn as
# figures. PDFium and MuPDF give it in place of the glyphs; pdf.js, pypdf and pdfminer.six pass over it and say nothing. So two
# "text layers" of one well-tagged page differ, and neither is wrong about the file.
# Needs python3 with venv, node 20 or newer and npm.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

cat > make.py <<'PY'
text = b"BT /F 12 Tf 20 70 Td /Span<</ActualText(one hundred)>>BDC (100) Tj EMC ( men) Tj ET"
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
npm install --silent --no-audit --no-fund pdfjs-dist@5.4.149 > npm.log
cat > read.py <<'PY'
import pymupdf
import pypdf
import pypdfium2
from pdfminer.high_level import extract_text

print("PDFium (pypdfium2 5.15.2):", pypdfium2.PdfDocument("page.pdf")[0].get_textpage().get_text_range())
print("MuPDF (pymupdf 2.0):", pymupdf.open("page.pdf")[0].get_text().strip())
print("pypdf 7.1.1:", pypdf.PdfReader("page.pdf").pages[0].extract_text())
print("pdfminer.six 20260107:", extract_text("page.pdf").strip())
PY
cat > read.mjs <<'JS'
import { getDocument } from "pdfjs-dist/legacy/build/pdf.mjs";
const page = await (await getDocument({ url: "page.pdf", verbosity: 0 }).promise).getPage(1);
for (const includeMarkedContent of [false, true]) {
  const { items } = await page.getTextContent({ includeMarkedContent });
  console.log(`pdf.js 5.4.149, includeMarkedContent ${includeMarkedContent}:`, items.map(i => i.str ?? "").join(""));
}
JS
seen=$(venv/bin/python read.py; node read.mjs)
expected='PDFium (pypdfium2 5.15.2): one hundred men
MuPDF (pymupdf 2.0): one hundred men
pypdf 7.1.1: 100 men
pdfminer.six 20260107: 100 men
pdf.js 5.4.149, includeMarkedContent false: 100 men
pdf.js 5.4.149, includeMarkedContent true: 100 men'

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
