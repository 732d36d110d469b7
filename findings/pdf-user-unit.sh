#!/usr/bin/env bash
# /UserUnit (PDF 1.6; drawings and posters larger than 200 inches have it) multiplies the unit of a page. MuPDF and pdf.js scale
# the page by it; PDFium and hayro give the size without it, and render so many fewer pixels at the same resolution. One would
# guess that a page has one size in points; words placed by one reader miss the page that another renders.
# Needs cargo, python3 with venv, node 20 or newer and npm.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

cat > make.py <<'PY'
objects = [
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/UserUnit 2/Resources<<>>>>",
]
out, places = b"%PDF-1.7\n", []
for number, body in enumerate(objects, 1):
    places.append(len(out))
    out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
open("page.pdf", "wb").write(out + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out))
PY
python3 make.py

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile pypdfium2==5.15.2 pymupdf==2.0
npm install --silent --no-audit --no-fund pdfjs-dist@5.4.149 > npm.log
cat > read.py <<'PY'
import pymupdf
import pypdfium2

print("PDFium (pypdfium2 5.15.2): %d x %d" % pypdfium2.PdfDocument("page.pdf")[0].get_size())
page = pymupdf.open("page.pdf")[0].rect
print("MuPDF (pymupdf 2.0): %d x %d" % (page.width, page.height))
PY
cat > read.mjs <<'JS'
import { getDocument } from "pdfjs-dist/legacy/build/pdf.mjs";
const page = await (await getDocument({ url: "page.pdf", verbosity: 0 }).promise).getPage(1);
const { width, height } = page.getViewport({ scale: 1 });
console.log(`pdf.js 5.4.149: ${width} x ${height}`);
JS
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
hayro-syntax = "=0.9.0"
TOML
cat > src/main.rs <<'RS'
fn main() {
    let pdf = hayro_syntax::Pdf::new(std::sync::Arc::new(std::fs::read("page.pdf").unwrap())).unwrap();
    let (width, height) = pdf.pages()[0].render_dimensions();
    println!("hayro-syntax 0.9.0: {width} x {height}");
}
RS
seen=$(venv/bin/python read.py; node read.mjs; cargo run -q)
expected='PDFium (pypdfium2 5.15.2): 300 x 100
MuPDF (pymupdf 2.0): 600 x 200
pdf.js 5.4.149: 600 x 200
hayro-syntax 0.9.0: 300 x 100'

printf 'MediaBox 300 x 100, UserUnit 2\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
