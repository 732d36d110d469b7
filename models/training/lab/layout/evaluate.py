"""How well a layout model tells what is what on held-out pages (style sheets, fonts and texts that nothing was trained on), as a scanner would see
them: by kind, the share of cells right of all that are or are taken for it (IoU), and what a page costs."""
import json
import time
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from ..config import arguments, work_dir
from .generate import CELL, UNKNOWN
from .kinds import KINDS
from .net import COLUMN, ROW, prepare
from .train import Pages, scanned


class Looker:
    """A layout model on one core."""

    def __init__(self, path: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.seconds = 0.0

    def logits(self, gray: np.ndarray) -> tuple[np.ndarray, float, float]:
        x, sx, sy = prepare(gray)
        start = time.process_time()
        maps = self.session.run(None, {"x": x})[0][0]
        self.seconds += time.process_time() - start
        return maps, sx, sy


def wanted(kinds: np.ndarray, shape, sx: float, sy: float) -> np.ndarray:
    """The kept map at the network's cells."""
    rows, columns = shape
    x = ((np.arange(columns) + .5) * COLUMN / sx / CELL - .5).astype(np.float32)
    y = ((np.arange(rows) + .5) * ROW / sy / CELL - .5).astype(np.float32)
    return cv2.remap(kinds, np.tile(x, (rows, 1)), np.tile(y[:, None], (1, columns)), cv2.INTER_NEAREST, borderValue=0)


def held_out(most: int):
    """(picture as scanned, map) of pages of every held-out file in turn."""
    pages = Pages("held_out")
    pages.look()
    for path in pages.files:
        for i in range(min(100, most)):
            gray, kinds = pages.page(path, i)
            yield path, scanned(gray, np.random.default_rng([37, i])), kinds


def confusion(looker: Looker, most: int) -> tuple[np.ndarray, int]:
    """[wanted, found] cells."""
    counts, pages = np.zeros((len(KINDS), len(KINDS)), np.int64), 0
    for _, gray, kinds in held_out(most):
        maps, sx, sy = looker.logits(gray)
        right = wanted(kinds, maps.shape[1:], sx, sy)
        known = right != UNKNOWN
        np.add.at(counts, (right[known], maps.argmax(0)[known]), 1)
        pages += 1
    return counts, pages


def main():
    parser = arguments(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--pages", type=int, default=100, help="of each file, at most")
    args = parser.parse_args()
    looker = Looker(args.model)
    counts, pages = confusion(looker, args.pages)
    right, found, all_of = counts.diagonal(), counts.sum(0), counts.sum(1)
    iou = right / np.maximum(1, found + all_of - right)
    for i, kind in enumerate(KINDS):
        worst = np.argsort(-np.where(np.arange(len(KINDS)) == i, 0, counts[i]))[:2]
        print(f"{kind:14} IoU {iou[i]:.3f}  precision {right[i] / max(1, found[i]):.3f}  recall {right[i] / max(1, all_of[i]):.3f}  "
              + ", ".join(f"{KINDS[w]} {counts[i, w] / max(1, all_of[i]):.3f}" for w in worst))
    inked = right[1:].sum() / max(1, all_of[1:].sum())
    print(f"{pages} pages: cells of something right {inked:.4f}, mean IoU {iou.mean():.4f}, {1000 * looker.seconds / pages:.2f} CPU ms a page")
    with open(work_dir() / "layout-evaluations.jsonl", "a") as file:
        file.write(json.dumps(dict(time=datetime.now(timezone.utc).isoformat(timespec="seconds"), model=str(args.model), pages=pages, right=round(float(inked), 4),
                                   iou={k: round(float(v), 4) for k, v in zip(KINDS, iou)}, ms=round(1000 * looker.seconds / pages, 2))) + "\n")


if __name__ == "__main__":
    main()
