#!/usr/bin/env bash
# PDFium (pypdfium2 5.15.2): text in a font whose glyphs have no outlines, as OCR programs lay it over a scan, is found where it runs
# across the page and is not there at all where it runs straight up. A slope of .005 brings it back. The letters' boxes have no height
# of their own then, so that the text takes no width on the page, and text without width is passed over.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile pypdfium2==5.15.2 fonttools==4.63.0 pypdf==7.1.1
seen=$(venv/bin/python - <<'PY'
import io
import pypdfium2
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, TextStringObject

builder = FontBuilder(1000, isTTF=True)
builder.setupGlyphOrder([".notdef", "blank"])
builder.setupCharacterMap({})
builder.setupGlyf({name: Glyph() for name in (".notdef", "blank")})
builder.setupHorizontalMetrics({".notdef": (500, 0), "blank": (500, 0)})
builder.setupHorizontalHeader(ascent=800, descent=-200)
builder.setupOS2()
builder.setupPost()
builder.setupNameTable({"familyName": "Blank", "styleName": "Regular"})
program = io.BytesIO()
builder.save(program)

def name(text):
    return NameObject("/" + text)

def stream(data, **entries):
    made = DecodedStreamObject()
    made.set_data(data)
    made.update({name(key): value for key, value in entries.items()})
    return made

def page(matrix):
    writer = PdfWriter()
    made = writer.add_blank_page(300, 300)
    add = writer._add_object
    descriptor = add(DictionaryObject({
        name("Type"): name("FontDescriptor"), name("FontName"): name("Blank"), name("Flags"): NumberObject(5),
        name("FontBBox"): ArrayObject(map(NumberObject, (0, -200, 500, 800))), name("ItalicAngle"): NumberObject(0),
        name("Ascent"): NumberObject(800), name("Descent"): NumberObject(-200), name("CapHeight"): NumberObject(800),
        name("StemV"): NumberObject(80),
        name("FontFile2"): add(stream(program.getvalue(), Length1=NumberObject(len(program.getvalue())))),
    }))
    descendant = add(DictionaryObject({
        name("Type"): name("Font"), name("Subtype"): name("CIDFontType2"), name("BaseFont"): name("Blank"),
        name("CIDSystemInfo"): DictionaryObject({
            name("Registry"): TextStringObject("Adobe"), name("Ordering"): TextStringObject("Identity"),
            name("Supplement"): NumberObject(0)}),
        name("FontDescriptor"): descriptor, name("DW"): NumberObject(500),
        name("CIDToGIDMap"): add(stream(b"\0\1" * 65536)),
    }))
    letters = (b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def 1 begincodespacerange <0000> <ffff> "
               b"endcodespacerange 1 beginbfrange <0020> <007e> <0020> endbfrange endcmap end end")
    font = add(DictionaryObject({
        name("Type"): name("Font"), name("Subtype"): name("Type0"), name("BaseFont"): name("Blank"),
        name("Encoding"): name("Identity-H"), name("DescendantFonts"): ArrayObject([descendant]),
        name("ToUnicode"): add(stream(letters)),
    }))
    codes = "".join(f"{ord(letter):04x}" for letter in "upright")
    content = f"BT /F 20 Tf 3 Tr {matrix} 150 100 Tm <{codes}> Tj ET".encode()
    made[name("Resources")] = DictionaryObject({name("Font"): DictionaryObject({name("F"): font})})
    made[name("Contents")] = add(stream(content))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()

for way, matrix in (("across", "1 0 0 1"), ("up", "0 1 -1 0"), ("almost up", "0.005 1 -1 0.005")):
    text = pypdfium2.PdfDocument(page(matrix))[0].get_textpage()
    print(f"{way}: {text.count_chars()} letters, {text.get_text_range()!r}")
PY
)
expected="across: 7 letters, 'upright'
up: 0 letters, ''
almost up: 7 letters, 'upright'"
printf 'PDFium by pypdfium2 5.15.2, seven letters without outlines\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
