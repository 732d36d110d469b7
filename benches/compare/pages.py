"""pages.py OUT PER_SOURCE [CORPORA]: the pages that the programs are compared on, as PNG with their resolution and their
truth, a folder a source. Names are unique over all sources. All pages stand upright: not every program turns them."""

import pathlib
import sys

import pypdfium2
from PIL import Image

OUT, PER_SOURCE = pathlib.Path(sys.argv[1]), int(sys.argv[2])
DATA = pathlib.Path(__file__).resolve().parents[2] / "examples/data"
CORPORA = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
DPI = 200


def evenly(items):
    return [items[i * len(items) // PER_SOURCE] for i in range(PER_SOURCE)] if 0 < PER_SOURCE < len(items) else items


def write(source, name, image, dpi, truth):
    folder = OUT / source
    folder.mkdir(parents=True, exist_ok=True)
    image = image if image.mode in ("1", "L", "RGB") else image.convert("RGB")
    image.save(folder / f"{source}-{name}.png", dpi=dpi)
    (folder / f"{source}-{name}.truth.txt").write_bytes(truth)


def images(source, files, ending):
    for file in files:
        with Image.open(file) as image:
            # The resolution in whole numbers, where the file has one.
            dpi = tuple(round(float(value)) for value in image.info.get("dpi", (DPI, DPI)))
            write(source, file.stem, image, dpi, file.with_name(file.stem + ending).read_bytes())


def pdf_pages(source, file, numbers, truth):
    document = pypdfium2.PdfDocument(file)
    for number in numbers:
        image = document[number].render(scale=DPI / 72).to_pil()
        write(source, f"{file.stem}-{number + 1}", image, (DPI, DPI), truth(document[number], number).encode())


images("own", sorted(p for p in (DATA / "pages").iterdir() if p.suffix in (".png", ".jpg")), ".truth.txt")
sample = (DATA / "sample.truth.txt").read_text(encoding="utf-8").split("\f")
# The fourth lies on its side.
pdf_pages("own", DATA / "sample.pdf", range(3), lambda page, number: sample[number])
if CORPORA:
    books, letters = CORPORA / "ocr/old-books-dataset", CORPORA / "ocr/ehri-dataset"
    images("old-books", evenly(sorted(books.glob("*.tiff"))), ".txt")
    images("letters", evenly(sorted(letters.glob("*.jpg"))), ".txt")
    # A book of today, born digital: drawn, and with its own text as the truth. The first pages are titles and contents.
    walden = CORPORA / "multipage/pdfcpu/WaldenFull.pdf"
    pdf_pages("walden", walden, evenly(range(10, 240)), lambda page, number: page.get_textpage().get_text_range())
