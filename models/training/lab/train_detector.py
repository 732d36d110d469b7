"""Train the detector on synthetic and on real pages: a pool of pages, a new one every few steps, random crops and scales of them.

Resumes like the recogniser's training; the pool after a resume is drawn anew from the step's number.
"""
import cv2
import numpy as np
import torch

from . import degrade, documents
from .config import Alphabet, arguments
from .detector import COLUMN, ROW, Detector, loss_of, targets
from .nets import parameters
from .pages import Line, PageGenerator
from .runs import Run, load, schedule_arguments

POOL, STEPS_A_PAGE = 200, 4
CROP, BATCH = 512, 4
PAGE = (960, 832)


def real(path, n: np.random.Generator):
    """A page of `documents`, larger or smaller, some as a scanner would see it: image, maps wanted, weight of each cell."""
    page, lines, weight = documents.read(path)
    if n.random() < 0.5:
        k = float(n.uniform(0.75, 1.35))
        height, width = (max(64, round(s * k) // 64 * 64) for s in page.shape)
        ky, kx = height / page.shape[0], width / page.shape[1]
        page = cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
        weight = cv2.resize(weight, (width // COLUMN, height // ROW), interpolation=cv2.INTER_NEAREST)
        lines = [Line(l.x0 * kx, l.x1 * kx, l.top * ky, l.bottom * ky) for l in lines]
    if n.random() < 0.5:
        ink = 1 - page.astype(np.float32) / 255
        u = n.random()
        if u < 0.3:
            ink = degrade.bilevel(ink, n, 14)
        elif u < 0.6:
            ink = cv2.GaussianBlur(ink, (0, 0), float(n.uniform(0.3, 0.9)))
        page = degrade.paper(ink, n)
    page, weight = documents.padded(page, weight, CROP)
    return page, targets(lines, 0.0, *page.shape), weight


class Pages:
    def __init__(self, alphabet: Alphabet, share: float):
        self.alphabet, self.pages, self.next = alphabet, [], None
        self.share, self.real = share, sorted(documents.folder(alphabet).glob("[0-9a-f]*-*[0-9].npz"))
        if share and not self.real:
            raise SystemExit("no real pages: make them with `python -m lab.documents`, or train with --real 0")

    def at(self, step: int):
        """Pages step / STEPS_A_PAGE - 1 and the POOL - 1 before it (at first, as many as there are)."""
        newest = 24 + step // STEPS_A_PAGE
        if self.next is None:
            self.next = max(0, newest - POOL)
        while self.next < newest:
            n = np.random.default_rng([23, self.next])
            if self.share and n.random() < self.share:
                self.pages.append(real(self.real[int(n.integers(len(self.real)))], n))
                self.next += 1
                continue
            height, width = PAGE if n.random() < 0.8 else PAGE[::-1]
            height, width = (int(v * n.uniform(0.6, 1)) // 64 * 64 for v in (height, width))
            height, width = max(CROP, height), max(CROP, width)
            image, lines, turn = PageGenerator(self.alphabet, 104_729 * (self.next + 1)).page(height, width)
            self.pages.append((image, targets(lines, turn, height, width), np.ones((height // ROW, width // COLUMN), np.float32)))
            self.next += 1
        del self.pages[:-POOL]
        return self.pages

    def batch(self, step: int):
        pages, n = self.at(step), np.random.default_rng([29, step])
        xs, ts, ws = [], [], []
        for _ in range(BATCH):
            image, t, weight = pages[int(n.integers(len(pages)))]
            h, w = image.shape
            y, x = int(n.integers(h - CROP + 1)), int(n.integers(w - CROP + 1))
            part = image[y // 2 * 2:y // 2 * 2 + CROP, x // 8 * 8:x // 8 * 8 + CROP].astype(np.float32) / 127.5 - 1
            if n.random() < 0.4:
                part = np.clip(part * n.uniform(0.6, 1.1) + n.uniform(-0.2, 0.2), -1, 1)
            if n.random() < 0.04:
                part = -part
            xs.append(part)
            cells = np.s_[y // ROW:y // ROW + CROP // ROW, x // COLUMN:x // COLUMN + CROP // COLUMN]
            ts.append(t[:, *cells])
            ws.append(weight[cells])
        return torch.from_numpy(np.stack(xs).astype(np.float32))[:, None], torch.from_numpy(np.stack(ts)), torch.from_numpy(np.stack(ws))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--init", help="start from this run's weights")
    parser.add_argument("--real", type=float, default=0.5, help="share of real pages (lab.documents)")
    schedule_arguments(parser)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    net = (load(args.init)[0].train() if args.init else Detector()).to(memory_format=torch.channels_last)
    run = Run(args.run, net, args.rate, dict(detector=True, alphabet=alphabet.name))
    run.log(event="start", parameters=parameters(net), args=vars(args))
    pages = Pages(alphabet, args.real)
    while (progress := run.progress(args)) < 1:
        x, wanted, weight = pages.batch(run.step)
        run.learn(loss_of(net(x.contiguous(memory_format=torch.channels_last)), wanted, weight), progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
