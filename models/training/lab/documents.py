"""Real pages for the detector: PDF manuals from Debian's LaTeX packages, with PP-OCRv6's line boxes as labels.

What the teacher is unsure of, text of the file's own layer that it did not see, and text on its side are neither line nor paper: such cells
have no weight. One file a page in the work folder, so that a run of this that is killed goes on where it was.
"""
import gzip
import random
import re
import subprocess
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from . import detector, teacher
from .config import Alphabet, arguments, work_dir
from .detector import COLUMN, ROW
from .pages import Line
from .prepare import unpack_debian

PAGES_A_FILE = 3
DPI = (110, 150, 200)
# From the teacher's box to the line that pages.py would have drawn, in parts of the box's height: medians of 1,300 boxes on synthetic pages.
LEFT, RIGHT, TOP, BOTTOM = 0.16, 0.16, 0.20, 0.10


def allowed(alphabet: Alphabet) -> list[Path]:
    """The PDF files whose package has a licence of the list."""
    table = alphabet.table["documents"]
    roots = [unpack_debian(package) for package in table["debian"]]
    good = set()
    for listing in sorted({f for root in roots for f in root.rglob("Licenses.gz")}):
        for line in gzip.decompress(listing.read_bytes()).decode("utf-8", "ignore").splitlines():
            name, _, licences = line.partition(": ")
            if licences and any(re.match(table["licences"], licence) for licence in licences.split()):
                good.add(name)
    files = [f for root in roots for f in root.rglob("*.pdf") if f.is_file() and not f.is_symlink()]
    return sorted(f for f in files if good & set(f.parts))


def pages_of(pdf: Path) -> int:
    told = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True).stdout
    found = re.search(r"^Pages:\s+(\d+)", told, re.M)
    return int(found[1]) if found else 0


def words_of(pdf: Path, number: int) -> tuple[list[tuple], float, float]:
    """The text layer's words as (x0, y0, x1, y1) and the page's size, in points."""
    html = subprocess.run(["pdftotext", "-bbox", "-f", str(number), "-l", str(number), pdf, "-"], capture_output=True, text=True).stdout
    size = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', html)
    words = re.findall(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">', html)
    return [tuple(map(float, w)) for w in words], *(map(float, size.groups()) if size else (0.0, 0.0))


def labelled(pdf: Path, number: int, n: np.random.Generator):
    """(gray page at the detector's scale, lines, weight of each cell), or None where the page has too little text to be of use."""
    words, width, height = words_of(pdf, number)
    if len(words) < 4 or not 200 < width < 1200 or not 200 < height < 1200:
        return None
    pgm = subprocess.run(["pdftoppm", "-gray", "-r", str(n.choice(DPI)), "-f", str(number), "-l", str(number), pdf], capture_output=True).stdout
    gray = cv2.imdecode(np.frombuffer(pgm, np.uint8), cv2.IMREAD_GRAYSCALE) if pgm else None
    if gray is None or min(gray.shape) < 300:
        return None
    x, _, _ = detector.prepare(gray)
    page = np.uint8(np.clip(np.rint((x[0, 0] + 1) * 127.5), 0, 255))
    scale = min(1.0, detector.SIDE / max(gray.shape))
    probability = teacher.text_map(gray)
    lines, side = [], np.zeros((page.shape[0] // ROW, page.shape[1] // COLUMN), np.float32)
    fill = lambda mask, box, value: mask[max(0, int(box[1] / ROW)):int(box[3] / ROW) + 1, max(0, int(box[0] / COLUMN)):int(box[2] / COLUMN) + 1].fill(value)
    covered = np.zeros_like(side)
    for quad in teacher.boxes_of(probability, gray.shape):
        quad = quad * scale
        x0, y0, x1, y1 = quad[:, 0].min(), quad[:, 1].min(), quad[:, 0].max(), quad[:, 1].max()
        tall = y1 - y0
        upright = abs(quad[1, 1] - quad[0, 1]) < 0.03 * (x1 - x0) + 1 and x1 - x0 > 0.7 * tall and tall > 6
        fill(covered, (x0, y0, x1, y1), 1)
        if upright:
            lines.append(Line(x0 + LEFT * tall, x1 - RIGHT * tall, y0 + TOP * tall, y1 - BOTTOM * tall))
        else:
            fill(side, (x0, y0, x1, y1), 1)
    weight = 1 - side
    small = cv2.resize(probability, (round(gray.shape[1] * scale) // COLUMN, round(gray.shape[0] * scale) // ROW), interpolation=cv2.INTER_LINEAR)
    unsure = np.zeros_like(side)
    unsure[:small.shape[0], :small.shape[1]] = small > 0.15
    weight[(unsure > 0) & (covered == 0)] = 0
    k = gray.shape[0] * scale / height
    for word in words:  # seen by the file's author, not by the teacher
        box = [v * k for v in word]
        cells = covered[max(0, int(box[1] / ROW)):int(box[3] / ROW) + 1, max(0, int(box[0] / COLUMN)):int(box[2] / COLUMN) + 1]
        if cells.size and cells.mean() < 0.3:
            fill(weight, box, 0)
    return page, lines, weight


def padded(page: np.ndarray, weight: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """White paper to the right and below, so that a crop fits."""
    height, width = (max(least, s) for s in page.shape)
    out = np.full((height, width), 255, np.uint8)
    out[:page.shape[0], :page.shape[1]] = page
    w = np.ones((height // ROW, width // COLUMN), np.float32)
    w[:weight.shape[0], :weight.shape[1]] = weight
    return out, w


def folder(alphabet: Alphabet) -> Path:
    return work_dir() / alphabet.name / "documents"


def main():
    parser = arguments(__doc__)
    parser.add_argument("--pages", type=int, default=1500)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    alphabet = Alphabet.load(args.alphabet)
    files = allowed(alphabet)
    random.Random(5).shuffle(files)
    out = folder(alphabet)
    out.mkdir(parents=True, exist_ok=True)
    made = len(list(out.glob("*.npz")))
    print(f"{len(files)} files, {made} pages are there")
    done = out / "done.txt"
    seen = set(done.read_text().splitlines()) if done.exists() else set()
    for pdf in files:
        if made >= args.pages:
            break
        name = f"{crc32(str(pdf).encode()):08x}"
        if name in seen:
            continue
        count = pages_of(pdf)
        for number in sorted(random.Random(name).sample(range(1, count + 1), min(count, PAGES_A_FILE))):
            got = labelled(pdf, number, np.random.default_rng([31, crc32(f"{pdf}{number}".encode())]))
            if got:
                page, lines, weight = got
                part = out / f"{name}-{number}.part.npz"
                np.savez_compressed(part, page=page, lines=np.array([(l.x0, l.x1, l.top, l.bottom) for l in lines], np.float32).reshape(-1, 4), weight=weight > 0)
                part.rename(out / f"{name}-{number}.npz")
                made += 1
        with open(done, "a") as f:
            f.write(name + "\n")


def read(path: Path) -> tuple[np.ndarray, list[Line], np.ndarray]:
    with np.load(path) as stored:
        return stored["page"], [Line(*map(float, row)) for row in stored["lines"]], stored["weight"].astype(np.float32)


if __name__ == "__main__":
    main()
