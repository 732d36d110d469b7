"""Train the layout network: whole pages as a scanner would see them, a little turned, larger or smaller.

Resumes by the same command. Which pages a step sees follows from its number; pages that are made while it runs join in at once.
"""
import io

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .. import degrade
from ..config import Alphabet, arguments, work_dir
from ..nets import parameters
from ..runs import Run, schedule_arguments
from .generate import CELL, UNKNOWN
from .kinds import INDEX, KINDS
from .net import COLUMN, ROW, SIDE, Layout

BATCH = 4
CANVASES = ((640, 512), (640, 512), (640, 512), (640, 448), (512, 640))
# Of a kind's cells in the loss: what is rare counts more.
WEIGHTS = {"nothing": .35, "paragraph": .6, "title": 2, "heading": 2, "list-item": 1, "table": .5, "figure": .4, "caption": 1.6, "formula": 1, "code": 1.5,
           "footnote": 1.3, "page-header": 2.5, "page-footer": 2.5, "page-number": 5, "marginal-note": 3, "stamp": 3}


class Pages:
    """Files of pages, looked for anew now and then; PNGs are opened when they are wanted."""

    def __init__(self, split: str):
        self.split, self.files, self.open = split, [], {}

    def look(self):
        self.files = sorted((work_dir() / "layout-pages").glob(f"{self.split}-*[0-9].npz"))
        if not self.files:
            raise SystemExit("no pages: make them with `python -m lab.layout.generate`")

    def draw(self, n: np.random.Generator):
        path = self.files[int(n.integers(len(self.files)))]
        if path not in self.open:
            if len(self.open) > 60:
                self.open.clear()
            self.open[path] = np.load(path)
        return self.page(path, int(n.integers(len(self.open[path].files) // 2)))

    def page(self, path, i: int):
        file = self.open.setdefault(path, np.load(path))
        return np.asarray(Image.open(io.BytesIO(file[f"page{i}"].tobytes()))), file[f"kinds{i}"]


def scanned(gray: np.ndarray, n: np.random.Generator) -> np.ndarray:
    """Some pages as they are, most as printing, copying and scanning leave them."""
    u = n.random()
    if u < .15:
        return gray
    ink = 1 - gray.astype(np.float32) / 255
    size = n.uniform(8, 16)
    if n.random() < .2:
        ink = degrade.spread(ink, n, size)
    if n.random() < .15:
        ink = degrade.uneven_ink(ink, n, size, n.uniform(.1, .5))
    if u < .35:
        ink = degrade.bilevel(ink, n, size)
    elif u < .7:
        ink = cv2.GaussianBlur(ink, (0, 0), float(n.uniform(.3, 1.2)))
    return degrade.paper(ink, n)


def sample(gray, kinds, n: np.random.Generator, canvas):
    """(x [H, W], kinds [H / 4, W / 8])"""
    height, width = canvas
    fit = min(height / gray.shape[0], width / gray.shape[1], SIDE / max(gray.shape))
    scale = fit * (1 if n.random() < .5 else n.uniform(.72, 1.12))
    turn = np.deg2rad(n.normal(0, .35) if n.random() < .8 else n.uniform(-2.5, 2.5))
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    spare = (width - scale * gray.shape[1], height - scale * gray.shape[0])
    if scale == fit:  # as the program lays it: at the upper left
        dx, dy = 0.0, 0.0
    else:
        dx, dy = (float(n.uniform(min(0, s), max(0, s))) for s in spare)
    middle = np.array([gray.shape[1] / 2, gray.shape[0] / 2])
    shift = np.array([dx, dy]) + scale * middle - np.array([[cos, -sin], [sin, cos]]) @ middle
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    small = cv2.GaussianBlur(gray, (0, 0), .38 / scale) if scale < .9 else gray  # about what the triangle filter does
    border = 255 if n.random() < .85 or scale == fit else int(n.integers(0, 255))
    x = cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    back = cv2.invertAffineTransform(matrix)
    px, py = np.meshgrid((np.arange(width // COLUMN) + .5) * COLUMN, (np.arange(height // ROW) + .5) * ROW)
    sx, sy = (back[0, 0] * px + back[0, 1] * py + back[0, 2]) / CELL, (back[1, 0] * px + back[1, 1] * py + back[1, 2]) / CELL
    wanted = cv2.remap(kinds, sx.astype(np.float32) - .5, sy.astype(np.float32) - .5, cv2.INTER_NEAREST, borderValue=0)
    x = x.astype(np.float32) / 127.5 - 1
    if n.random() < .3:
        x = np.clip(x * n.uniform(.6, 1.1) + n.uniform(-.2, .2), -1, 1)
    return x, wanted


def batch(pages: Pages, step: int):
    n = np.random.default_rng([31, step])
    canvas, xs, ts = CANVASES[int(n.integers(len(CANVASES)))], [], []
    while len(xs) < BATCH:
        gray, kinds = pages.draw(n)
        if (gray.shape[0] > gray.shape[1]) != (canvas[0] > canvas[1]) and n.random() < .9:
            continue
        x, wanted = sample(scanned(gray, n), kinds, n, canvas)
        xs.append(x)
        ts.append(wanted)
    return torch.from_numpy(np.stack(xs).astype(np.float32))[:, None], torch.from_numpy(np.stack(ts).astype(np.int64))


def loss_of(logits, wanted, weights):
    known = wanted != UNKNOWN
    loss = F.cross_entropy(logits, wanted.where(known, 0), weight=weights, reduction="none", label_smoothing=.02)
    return (loss * known).sum() / known.sum()


def main():
    parser = arguments(__doc__)
    parser.add_argument("--init", help="start from this run's weights")
    schedule_arguments(parser)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    net = Layout()
    if args.init:
        from ..runs import load
        net = load(args.init)[0].train()
    net = net.to(memory_format=torch.channels_last)
    run = Run(args.run, net, args.rate, dict(layout=True, alphabet=alphabet.name))
    run.log(event="start", parameters=parameters(net), args=vars(args))
    weights = torch.tensor([float(WEIGHTS[k]) for k in KINDS])
    assert len(WEIGHTS) == len(INDEX)
    pages = Pages("train")
    while (progress := run.progress(args)) < 1:
        if run.step % 200 == 0 or not pages.files:
            pages.look()
        x, wanted = batch(pages, run.step)
        run.learn(loss_of(net(x.contiguous(memory_format=torch.channels_last)), wanted, weights), progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
