"""Character error rate on held-out synthetic lines and on real pages, by source.

Real pages are cut into lines with the teacher's detector (so that this measures the recogniser alone), read, put in order and
scored with the corpora's own score.py. The teacher's reading of the same crops is the yardstick. Boxes and the teacher's
texts are computed once and kept in the work folder.
"""
import importlib.util
import json
import pickle
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageSequence
from rapidfuzz.distance import Levenshtein

from . import teacher
from .config import Alphabet, arguments, work_dir
from .generate import load_or_make
from .preprocess import resize_line, tensor


def scoring(corpora: Path):
    spec = importlib.util.spec_from_file_location("score", corpora / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_score(corpora: Path):
    return scoring(corpora).score


def load_normalise(corpora: Path):
    return scoring(corpora).normalise


def pages(corpora: Path):
    """(source, name, gray page, truth)"""
    ocr = corpora / "ocr"
    gray = lambda path: np.array(Image.open(path).convert("L"))
    for path in sorted((ocr / "old-books-dataset").glob("*.tiff")):
        yield "old books", path.stem, gray(path), path.with_suffix(".txt").read_text()
    for path in sorted((ocr / "ehri-dataset").glob("*.jpg")):
        yield "typewritten", path.stem, gray(path), path.with_suffix(".txt").read_text()
    for name in ("eurotext.tif", "phototest.tif"):
        yield "ocr/test", name, gray(ocr / "test" / name), (ocr / "test" / (name + ".txt")).read_text()
    book = corpora / "multipage/derived/oldbook_i_23p.tif"
    truths = book.with_suffix(".txt").read_text().split("\f")
    for i, frame in enumerate(ImageSequence.Iterator(Image.open(book))):
        if i % 3 == 0:
            yield "book i", f"book-i-{i + 1}", np.array(frame.convert("L")), truths[i]
    for pdf, numbers, dpi in (("pdfcpu/WaldenFull.pdf", (20, 61, 101, 141, 181), 150), ("sample-files/GeoTopo-komprimiert.pdf", (7, 9, 14), 200), ("sample-files/pdflatex-4-pages.pdf", (1, 2), 200)):
        for number in numbers:
            image, truth = rendered(corpora / "multipage" / pdf, number, dpi)
            yield "born digital", f"{Path(pdf).stem}-{number}", image, truth


def aside(corpora: Path):
    """More pages, for the detector: figures only, nothing was chosen by looking at them. Truth is the file's text layer, where it has one."""
    def of(pdf, numbers, dpi=150):
        for number in numbers:
            image, truth = rendered(corpora / pdf, number, dpi)
            yield Path(pdf).stem[:12], f"{Path(pdf).stem}-{number}", image, truth
    for name, numbers in (("195981", (5, 30, 60)), ("275884", (5, 30, 60)), ("421197", (5, 20, 40)), ("459011", (5, 20, 40))):
        yield from of(f"multipage/format-corpus/{name}.pdf", numbers)
    yield from of("multipage/pdfcpu/WaldenFull.pdf", (40, 120, 200), 200)
    yield from of("multipage/sample-files/GeoTopo-komprimiert.pdf", (20, 50, 80, 110))
    yield from of("multipage/sample-files/pdflatex-4-pages.pdf", (3, 4))
    yield from of("multipage/sample-files/multicolumn.pdf", (1, 2))
    yield from of("robust/pdf.js/tracemonkey.pdf", (2, 6, 11))
    yield from of("robust/pdf.js/TAMReview.pdf", (3, 9, 15))
    yield from of("robust/hayro/issue356.pdf", (2, 3))
    yield from of("robust/hayro/xref_f2_len_8.pdf", (3, 8))
    yield from of("ocr/olmocr/pdfs/olmo2-pg4.pdf", (1,))
    yield from of("ocr/olmocr/pdfs/mathfuncs.pdf", (1,))
    yield from of("ocr/olmocr/pdfs/small_page_size.pdf", (1,), 300)
    yield from of("ocr/docling/ocr_test.pdf", (1,), 200)
    yield from of("robust/ocrmypdf/c02-22.pdf", (1,), 200)
    yield "layout-parser", "layout-parser", np.array(Image.open(corpora / "multipage/unstructured/layout-parser-paper-fast.tiff").convert("L")), ""


def rendered(pdf: Path, number: int, dpi: int):
    page = ["-f", str(number), "-l", str(number)]
    pgm = subprocess.run(["pdftoppm", "-gray", "-r", str(dpi), *page, pdf], capture_output=True, check=True).stdout
    truth = subprocess.run(["pdftotext", *page, pdf, "-"], capture_output=True, check=True, text=True).stdout
    return cv2.imdecode(np.frombuffer(pgm, np.uint8), cv2.IMREAD_GRAYSCALE), truth.replace("\f", "")


def in_order(boxes) -> list[list[int]]:
    """Indices row by row, left to right: enough for single columns, which these pages are."""
    centre = [b[:, 1].mean() for b in boxes]
    height = [np.ptp(b[:, 1]) for b in boxes]
    rows: list[list[int]] = []
    for i in np.argsort(centre):
        if rows:
            j = rows[-1][-1]
            if abs(centre[i] - np.mean([centre[k] for k in rows[-1]])) < 0.45 * min(height[i], height[j]):
                rows[-1].append(int(i))
                continue
        rows.append([int(i)])
    return [sorted(row, key=lambda k: boxes[k][:, 0].min()) for row in rows]


def cut_pages(corpora: Path, those=pages) -> list[dict]:
    """Per page: source, name, truth, and the teacher's boxes; `lines` and `teacher`, its crops and texts, row by row as `rows` has the
    boxes' indices; `sure`, how sure it was of each box's text."""
    cache = work_dir() / f"evaluation-{those.__name__}.pkl"
    if cache.exists():
        return pickle.loads(cache.read_bytes())
    out = []
    for source, name, image, truth in those(corpora):
        boxes = teacher.boxes_of(teacher.text_map(image), image.shape)
        rows = in_order(boxes)
        lines = [[teacher.crop(image, boxes[i]) for i in row] for row in rows]
        read = [[teacher.read(line) for line in row] for row in lines]
        sure = {i: r[1] for row, texts in zip(rows, read) for i, r in zip(row, texts)}
        out.append(dict(source=source, name=name, truth=truth, lines=lines, teacher=[[t for t, _ in row] for row in read], boxes=boxes, rows=rows, sure=sure))
    cache.write_bytes(pickle.dumps(out))
    return out


class Reader:
    """An exported recogniser with the contract's pre- and post-processing."""

    def __init__(self, path: Path, alphabet: Alphabet):
        self.session, self.alphabet, self.seconds, self.lines = teacher.session(path), alphabet, 0.0, 0

    def logits(self, x: np.ndarray) -> np.ndarray:
        start = time.process_time()
        y = self.session.run(None, {"x": x})[0]
        self.seconds += time.process_time() - start
        self.lines += 1
        return y

    def read(self, gray: np.ndarray) -> str:
        return self.alphabet.decode(self.logits(tensor(resize_line(gray))[None, None])[0].argmax(-1))


def real(reader: Reader, corpora: Path, details: Path | None = None) -> dict:
    score = load_score(corpora)
    results: dict = {}
    listed = []
    for page in cut_pages(corpora):
        ours = [[reader.read(line) for line in row] for row in page["lines"]]
        text = lambda rows: "\n".join(" ".join(row) for row in rows)
        results.setdefault(page["source"], []).append((score(page["truth"], text(ours)), score(page["truth"], text(page["teacher"]))))
        for mine, theirs in zip(sum(ours, []), sum(page["teacher"], [])):
            if mine != theirs:
                listed.append(f"{page['name']}\n  ours    {mine}\n  teacher {theirs}\n")
    if details:
        details.write_text("".join(listed))
    median = lambda rows, who, what: round(float(np.median([r[who][what] for r in rows])), 4)
    return {s: dict(pages=len(r), cer=median(r, 0, 0), recall=median(r, 0, 2), teacher_cer=median(r, 1, 0), teacher_recall=median(r, 1, 2)) for s, r in results.items()}


def synthetic(reader: Reader, alphabet: Alphabet, lines: int = 600) -> dict:
    """Held-out fonts and texts."""
    errors = total = 0
    for bucket in load_or_make(alphabet, 0, "held_out", lines).values():
        for gray, classes in bucket:
            truth = alphabet.decode(np.stack([classes, np.zeros_like(classes)], 1).ravel())
            mine = alphabet.decode(reader.logits(tensor(gray)[None, None])[0].argmax(-1))
            errors += Levenshtein.distance(truth, mine)
            total += len(truth)
    return dict(lines=lines, cer=round(errors / total, 4))


def main():
    parser = arguments(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--details", type=Path, help="write the lines on which we differ from the teacher here")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    reader = Reader(args.model, alphabet)
    result = dict(model=args.model.name, held_out=synthetic(reader, alphabet), real=real(reader, args.corpora, args.details))
    result["cpu_ms_a_line"] = round(1000 * reader.seconds / reader.lines, 2)
    print(json.dumps(result, indent=1))
    with open(work_dir() / "evaluations.jsonl", "a") as f:
        f.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
