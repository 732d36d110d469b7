"""Train the detector on synthetic pages: a pool of pages, a new one every few steps, random crops and scales of them.

Resumes like the recogniser's training; the pool after a resume is drawn anew from the step's number.
"""
import cv2
import numpy as np
import torch

from .config import Alphabet, arguments
from .detector import Detector, loss_of, targets
from .export import load
from .nets import parameters
from .pages import PageGenerator
from .train import Run, schedule_arguments

POOL, STEPS_A_PAGE = 200, 4
CROP, BATCH = 512, 4
PAGE = (960, 832)


class Pages:
    def __init__(self, alphabet: Alphabet):
        self.alphabet, self.pages, self.next = alphabet, [], None

    def at(self, step: int):
        """Pages step / STEPS_A_PAGE - 1 and the POOL - 1 before it (at first, as many as there are)."""
        newest = 24 + step // STEPS_A_PAGE
        if self.next is None:
            self.next = max(0, newest - POOL)
        while self.next < newest:
            n = np.random.default_rng([23, self.next])
            height, width = PAGE if n.random() < 0.8 else PAGE[::-1]
            height, width = (int(v * n.uniform(0.6, 1)) // 64 * 64 for v in (height, width))
            height, width = max(CROP, height), max(CROP, width)
            image, lines, turn = PageGenerator(self.alphabet, 104_729 * (self.next + 1)).page(height, width)
            self.pages.append((image, targets(lines, turn, height, width)))
            self.next += 1
        del self.pages[:-POOL]
        return self.pages

    def batch(self, step: int):
        pages, n = self.at(step), np.random.default_rng([29, step])
        xs, ts = [], []
        for _ in range(BATCH):
            image, t = pages[int(n.integers(len(pages)))]
            h, w = image.shape
            y, x = int(n.integers(h - CROP + 1)), int(n.integers(w - CROP + 1))
            part = image[y // 2 * 2:y // 2 * 2 + CROP, x // 8 * 8:x // 8 * 8 + CROP].astype(np.float32) / 127.5 - 1
            if n.random() < 0.4:
                part = np.clip(part * n.uniform(0.6, 1.1) + n.uniform(-0.2, 0.2), -1, 1)
            if n.random() < 0.04:
                part = -part
            xs.append(part)
            ts.append(t[:, y // 2:y // 2 + CROP // 2, x // 8:x // 8 + CROP // 8])
        return torch.from_numpy(np.stack(xs).astype(np.float32))[:, None], torch.from_numpy(np.stack(ts))


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
    net = (load(args.init)[0].train() if args.init else Detector()).to(memory_format=torch.channels_last)
    run = Run(args.run, net, args.rate, dict(detector=True, alphabet=alphabet.name))
    run.log(event="start", parameters=parameters(net), args=vars(args))
    pages = Pages(alphabet)
    while (progress := run.progress(args)) < 1:
        x, wanted = pages.batch(run.step)
        run.learn(loss_of(net(x.contiguous(memory_format=torch.channels_last)), wanted), progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
