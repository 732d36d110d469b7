#!/usr/bin/env bash
# A word parted by a hyphen at the end of a line comes out of a PDF's text layer in a different way from each reader. PDFium puts
# the noncharacter U+FFFE for hyphen and line end, and parts nothing: a search for the word, or a check for valid text, fails. MuPDF
# and pdf.js keep hyphen and line end. MuPDF's TEXT_DEHYPHENATE mends the word, and also joins "well-known", which has its
# hyphen of its own. One would guess at either "docu-\nment" or "document" everywhere.
# Needs python3 with venv, node 20 or newer and npm.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

cat > make.py <<'PY'
text = b"BT /F 12 Tf 14 TL 20 70 Td (a docu-) Tj T* (ment that is well-) Tj T* (known) Tj ET"
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
venv/bin/pip install -q --disable-pip-version-check --no-compile pypdfium2==5.15.2 pymupdf==2.0
npm install --silent --no-audit --no-fund pdfjs-dist@5.4.149 > npm.log
cat > read.py <<'PY'
import pymupdf
import pypdfium2

print("PDFium (pypdfium2 5.15.2):", ascii(pypdfium2.PdfDocument("page.pdf")[0].get_textpage().get_text_range()))
page = pymupdf.open("page.pdf")[0]
print("MuPDF (pymupdf 2.0):", ascii(page.get_text().strip()))
mended = page.get_text(flags=pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_DEHYPHENATE)
print("MuPDF, TEXT_DEHYPHENATE:", ascii(mended.strip()))
PY
cat > read.mjs <<'JS'
import { getDocument } from "pdfjs-dist/legacy/build/pdf.mjs";
const page = await (await getDocument({ url: "page.pdf", verbosity: 0 }).promise).getPage(1);
const items = (await page.getTextContent()).items;
console.log("pdf.js 5.4.149:", JSON.stringify(items.map(i => i.str + (i.hasEOL ? "\n" : "")).join("")));
JS
seen=$(venv/bin/python read.py; node read.mjs)
expected="PDFium (pypdfium2 5.15.2): 'a docu\\ufffement that is well\\ufffeknown'
MuPDF (pymupdf 2.0): 'a docu-\\nment that is well-\\nknown'
MuPDF, TEXT_DEHYPHENATE: 'a document that is wellknown'
pdf.js 5.4.149: \"a docu-\\nment that is well-\\nknown\""

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
