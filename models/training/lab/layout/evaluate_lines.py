"""What lines are taken for on documents of another generator, which nothing was trained on: a folder of NAME.pdf (born digital, so that poppler's `pdftotext -bbox-layout` says where lines are) beside
NAME.json (`blocks`: `kind` and `text`), drawn at 150 dpi and degraded as in training. A line's truth is the block that its letters are found in."""
import json
import re
import subprocess
import tempfile
from collections import Counter
from html import unescape
from pathlib import Path

import numpy as np
from PIL import Image

from ..config import arguments
from .evaluate import Looker
from .kinds import KINDS
from .net import kind_of_line, reduced, shares
from .train import scanned

LEAST = 12  # letters: shorter lines are in many blocks


def letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def truth(blocks: list[dict]) -> list[tuple[str, str]]:
    return [(block["kind"], letters(block.get("text", ""))) for block in blocks if block["kind"] in KINDS and block["kind"] not in ("table", "figure")]


def lines(pdf: Path, page: int):
    """(text, left, top, right, bottom) of a page, as shares of its size."""
    out = subprocess.run(["pdftotext", "-f", str(page), "-l", str(page), "-bbox-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    width, height = map(float, re.search(r'<page width="([\d.]+)" height="([\d.]+)"', out).groups())
    for left, top, right, bottom, body in re.findall(r'<line xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</line>', out, re.S):
        words = re.findall(r"<word[^>]*>(.*?)</word>", body)
        yield unescape(" ".join(words)), float(left) / width, float(top) / height, float(right) / width, float(bottom) / height


def main():
    parser = arguments(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=60)
    args = parser.parse_args()
    looker, right, all_of, found = Looker(args.model), Counter(), Counter(), Counter()
    for n, path in enumerate(sorted(args.folder.glob("*.json"))[:args.documents]):
        blocks = truth(json.loads(path.read_text())["blocks"])
        pdf = path.with_suffix(".pdf")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["pdftoppm", "-r", "150", "-gray", pdf, f"{folder}/p"], check=True, stderr=subprocess.DEVNULL)
            for i, picture in enumerate(sorted(Path(folder).glob("p*.pgm"))):
                gray = scanned(np.asarray(Image.open(picture)), np.random.default_rng([47, n, i]))
                maps, sx, sy = looker.logits(gray)
                votes = shares(reduced(maps))
                for text, left, top, r, bottom in lines(pdf, i + 1):
                    key = letters(text)
                    kinds = {kind for kind, whole in blocks if key in whole}
                    if len(key) < LEAST or len(kinds) != 1:
                        continue
                    (kind,) = kinds
                    x, y = gray.shape[1] * sx, gray.shape[0] * sy
                    corners = np.array([[left * x, top * y], [r * x, top * y], [r * x, bottom * y], [left * x, bottom * y]])
                    guess = KINDS[kind_of_line(votes, corners)[0]]
                    all_of[kind] += 1
                    found[guess] += 1
                    right[kind] += guess == kind
    for kind in KINDS:
        if all_of[kind]:
            precision, recall = right[kind] / max(1, found[kind]), right[kind] / all_of[kind]
            print(f"{kind:14} {all_of[kind]:5} lines  precision {precision:.3f}  recall {recall:.3f}  F1 {2 * precision * recall / max(1e-9, precision + recall):.3f}")
    print(f"{sum(all_of.values())} lines: right {sum(right.values()) / max(1, sum(all_of.values())):.4f}")


if __name__ == "__main__":
    main()
