"""The layout network, and how its map becomes regions (the contract that the Rust side follows).

Input [1, 1, H, W] f32, gray v / 127.5 - 1, H a multiple of 32, W of 64. The page stands upright and is scaled so that its longer side is at most 640.
Output [1, 16, H / 4, W / 8]: a logit for each of `kinds.KINDS`. Lines lie far more densely one above the other than side by side.
"""
import cv2
import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import nn

from ..nets import Bottleneck, conv
from .kinds import AREAS, KINDS, NOTHING

SIDE, ROW, COLUMN = 640, 4, 8  # longest side; input pixels a cell
HEIGHT, WIDTH = 32, 64  # the input's sides are multiples of these
CHANNELS, BLOCKS = (32, 56, 88, 96), (1, 2, 2, 4)
WIDE = 36  # inner channels of the coarsest level's blocks, whose kernels are five cells wide: together they see the whole page
STEPS = 16.0  # of a kept logit in one unit
LEAST_CELLS = 6  # of an area


class Layout(nn.Module):
    def __init__(self):
        super().__init__()
        c = CHANNELS
        self.stem = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 16, (3, 5), (2, 4), (1, 2), bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)),
            conv(16, c[0], 3, 2),
        )
        block = lambda i: Bottleneck(c[i], 5, WIDE) if i == 3 else Bottleneck(c[i], 3)
        self.levels = nn.ModuleList(nn.Sequential(*([conv(c[i - 1], c[i], 3, 2)] if i else []), *[block(i) for _ in range(BLOCKS[i])]) for i in range(4))
        self.lateral = nn.ModuleList(nn.Conv2d(c[i + 1], c[i], 1) for i in range(3))
        self.smooth = nn.ModuleList(nn.Sequential(nn.Conv2d(c[i], c[i], 3, 1, 1, groups=c[i], bias=False), nn.BatchNorm2d(c[i]), nn.ReLU(inplace=True)) for i in range(3))
        self.last = Bottleneck(c[0], 3)
        self.head = nn.Conv2d(c[0], len(KINDS), 1)

    def forward(self, x):
        x = self.stem(x)
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        for i in (2, 1, 0):
            x = self.smooth[i](maps[i] + F.interpolate(self.lateral[i](x), scale_factor=2.0, mode="nearest"))
        return self.head(self.last(x))


# --- the contract ----------------------------------------------------------------------------------------------------

def prepare(gray: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Page -> tensor, and the factors that bring the page's pixels to the network's, across and down. As in detector.py, with other sizes."""
    scale = min(1.0, SIDE / max(gray.shape))
    h, w = (max(1, round(s * scale)) for s in gray.shape)
    triangle = Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(gray).resize((w, gray.shape[0]), triangle).resize((w, h), triangle))
    x = np.ones((-(-h // HEIGHT) * HEIGHT, -(-w // WIDTH) * WIDTH), np.float32)
    x[:h, :w] = small.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return x[None, None], w / gray.shape[1], h / gray.shape[0]


def reduced(logits: np.ndarray) -> np.ndarray:
    """[kinds, rows, columns] f32 -> u8: how far a kind lies behind the cell's likeliest, in sixteenths; 255 is any more than that. Halves to even."""
    behind = (logits.max(0) - logits) * np.float32(STEPS)
    return np.minimum(np.rint(behind), np.float32(255)).astype(np.uint8)


VOTES = np.exp(-np.arange(256) / STEPS).astype(np.float32)


def shares(behind: np.ndarray) -> np.ndarray:
    """[kinds, rows, columns] u8 -> f64: each cell's one vote, shared among the kinds."""
    votes = VOTES[behind].astype(np.float64)
    return votes / votes.sum(0)


def kind_of_line(votes: np.ndarray, corners: np.ndarray) -> tuple[int, float]:
    """What a line is, and its share of the votes. `corners`: 4 x 2, clockwise from the top left, in the network's pixels, f64.

    Cells vote whose centres lie within the line's middle half of its height, by the quadrilateral's own axes; where there are none, that
    at its centre. Where more than half of the votes are for nothing it is NOTHING, else the kind with the most.
    """
    middle_left, middle_right = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    centre = (middle_left + middle_right) / 2
    along = middle_right - middle_left
    down = (corners[3] + corners[2] - corners[0] - corners[1]) / 2
    rows, columns = votes.shape[1:]
    x = (np.arange(columns) + 0.5) * COLUMN - centre[0]
    y = ((np.arange(rows) + 0.5) * ROW - centre[1])[:, None]
    length, height = (along ** 2).sum(), (down ** 2).sum()
    inside = (np.abs(x * along[0] + y * along[1]) <= length / 2) & (np.abs(x * down[0] + y * down[1]) <= height / 4)
    if not inside.any():
        inside = np.zeros((rows, columns), bool)
        inside[min(rows - 1, max(0, int(centre[1] // ROW))), min(columns - 1, max(0, int(centre[0] // COLUMN)))] = True
    mean = votes[:, inside].mean(1)
    if mean[NOTHING] > 0.5:
        return NOTHING, float(mean[NOTHING])
    best = 1 + int(mean[1:].argmax())
    return best, float(mean[best])


def areas(behind: np.ndarray) -> list[tuple[int, tuple[int, int, int, int], float]]:
    """Tables, pictures, formulas, listings: (kind, (left, top, right, bottom) in cells, mean share), by kind, then by their first cell.

    Cells whose likeliest kind (the first where several are) is the same and that touch at a side are one; of fewer than 6 cells it is none.
    """
    likeliest, votes, out = behind.argmin(0), shares(behind), []
    for kind in AREAS:
        count, labels, stats, _ = cv2.connectedComponentsWithStats((likeliest == kind).astype(np.uint8), connectivity=4)
        found = []
        for i in range(1, count):
            left, top, wide, high, cells = (int(v) for v in stats[i])
            if cells >= LEAST_CELLS:
                at = labels == i
                found.append((int(np.flatnonzero(at)[0]), (kind, (left, top, left + wide, top + high), float(votes[kind][at].mean()))))
        out += [area for _, area in sorted(found)]
    return out
