"""What other programs make of our results: check.py FOLDER NODE_SCRIPT PAGE_XSD [ALTO_XSD]

The folder has NAME.jsonl, NAME.pdf, NAME.hocr, NAME.alto.xml and NAME.page.xml (or NAME-0001.page.xml) of each document. Prints a Markdown
table: errors of the validators, words whose place by `pdftotext -bbox` is within two points of the record's, the largest
distance, and the character error rate of what each reader copies, against the record's lines.
"""

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pypdfium2
from lxml import etree
from rapidfuzz.distance import Levenshtein


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def normal(text):
    """Ligatures in letters, no difference in blanks: both are each reader's own affair."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def errors(schema, files):
    if schema is None:
        return "not checked"
    validator = etree.XMLSchema(etree.parse(schema))
    found = 0
    for file in files:
        if not validator.validate(etree.parse(str(file))):
            found += len(validator.error_log)
            print(file.name, validator.error_log[0], file=sys.stderr)
    return str(found)


def written_lines(page):
    """The lines that the PDF was given: see documents/src/output/pdf/layer.rs."""
    if page.get("origin") == "ocr":
        return page["lines"]
    if page.get("origin") == "mixed":
        return [line for line in page["lines"] if line.get("confidence") is not None]
    return []


def boxes(pdf):
    """Words with their boxes by page, as poppler finds them."""
    out = run("pdftotext", "-bbox", str(pdf), "-").stdout
    out = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", out)
    root = etree.fromstring(out.encode(), etree.XMLParser(recover=True))
    name = lambda element: etree.QName(element).localname
    for page in (element for element in root.iter() if isinstance(element.tag, str) and name(element) == "page"):
        words = [
            (normal(word.text or ""), [float(word.get(side)) for side in ("xMin", "yMin", "xMax", "yMax")])
            for word in page
        ]
        yield float(page.get("width")), float(page.get("height")), words


def places(records, pdf):
    """(words, words within two points, the largest distance of the others that were found, not found)"""
    total, near, worst, missing = 0, 0, 0.0, 0
    for page, (width, height, found) in zip(records, boxes(pdf)):
        for word in (word for line in written_lines(page) for word in line["words"]):
            text = normal(word["text"])
            # A turned page is measured by poppler as it is seen, and so is the record.
            # Its page is as large as before it was turned.
            is_turned = (width > height) != (page["width"] > page["height"])
            scale = ((height if is_turned else width) / page["width"], (width if is_turned else height) / page["height"])
            xs = [x * scale[0] for x, _ in word["polygon"]]
            ys = [y * scale[1] for _, y in word["polygon"]]
            box = [min(xs), min(ys), max(xs), max(ys)]
            total += 1
            same = [max(abs(a - b) for a, b in zip(box, place)) for other, place in found if other == text]
            if not same:
                missing += 1
            elif min(same) <= 2.0:
                near += 1
            else:
                worst = max(worst, min(same))
    return total, near, worst, missing


def pdfium(path):
    document = pypdfium2.PdfDocument(str(path))
    return [page.get_textpage().get_text_bounded() for page in document]


def rate(records, pages):
    edits, length = 0, 0
    for page, text in zip(records, pages):
        wanted = normal("".join(line["text"] for line in written_lines(page)))
        if wanted:
            edits += Levenshtein.distance(wanted, normal(text.replace("\ufffe", "-")))
            length += len(wanted)
    return f"{edits / length:.4f}" if length else "-"


def main():
    folder, node, page_xsd, *alto_xsd = sys.argv[1:]
    print("| document | pages | PAGE / ALTO / hOCR / qpdf errors | words | within 2 points | not found | worst | pdftotext CER | PDFium | pdf.js |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for lines in sorted(Path(folder).rglob("*.jsonl")):
        if lines.name.startswith("."):
            continue
        stem = str(lines)[: -len(".jsonl")]
        records = sorted((json.loads(line) for line in lines.open()), key=lambda page: page["page"])
        pdf = Path(stem + ".pdf")
        pages = sorted(lines.parent.glob(f"{Path(stem).name}*.page.xml"))
        hocr = run(str(Path(sys.executable).parent / "hocr-spec"), stem + ".hocr")
        qpdf = run("qpdf", "--check", str(pdf))
        checks = [
            errors(page_xsd, pages),
            errors(alto_xsd[0] if alto_xsd else None, [Path(stem + ".alto.xml")]),
            str(hocr.stdout.count("ERROR") + hocr.stderr.count("Traceback")),
            str(0 if qpdf.returncode == 0 else qpdf.returncode),
        ]
        total, near, worst, missing = places(records, pdf)
        # Poppler's order by content, not by columns as it sees them.
        texts = run("pdftotext", "-raw", str(pdf), "-").stdout.split("\f")
        scripts = run("node", node, str(pdf)).stdout.split("\f")
        rates = [rate(records, texts), rate(records, pdfium(pdf)), rate(records, scripts)]
        row = [lines.name[:-6], len(records), " / ".join(checks), total, near, missing, f"{worst:.1f}", *rates]
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


main()
