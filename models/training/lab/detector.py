"""The text-line detector: net, targets, loss, and how its maps become boxes (the contract that the Rust side follows).

Input [1, 1, H, W] f32, gray v / 127.5 - 1, H a multiple of 16, W of 64. The page is scaled so that its longer side is at most 960.
Output [1, 4, H / 2, W / 8]: logits of line core and of line end, ln of the distance in input pixels from here up to the
line's top and down to its bottom.
"""
import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from .nets import Bottleneck, conv

SIDE, ROW, COLUMN = 960, 2, 8  # longest side; input pixels a cell
CHANNELS, BLOCKS = (16, 32, 48, 64), (1, 2, 2, 2)
CORE, END, UP, DOWN = range(4)
HALF_CORE = 0.2  # of the line's height, above and below its middle
END_WEIGHT = 4.0
LEAST_CORE, PAD = 0.5, 0.12  # logit; share of the line's height


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        c = CHANNELS
        self.stem = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 8, (3, 5), (1, 4), (1, 1), bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
            conv(8, c[0], 3, 2),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(*([conv(c[i - 1], c[i], 3, 2)] if i else []), *[Bottleneck(c[i], 3) for _ in range(BLOCKS[i])]) for i in range(4)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(c[i + 1], c[i], 1) for i in range(3))
        self.smooth = nn.ModuleList(conv(c[i], c[i], 3) if i == 0 else nn.Sequential(nn.Conv2d(c[i], c[i], 3, 1, 1, groups=c[i], bias=False), nn.BatchNorm2d(c[i]), nn.ReLU(inplace=True)) for i in range(3))
        self.head = nn.Conv2d(c[0], 4, 1)

    def forward(self, x):
        x = self.stem(x)
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        for i in (2, 1, 0):
            x = self.smooth[i](maps[i] + F.interpolate(self.lateral[i](x), scale_factor=2.0, mode="nearest"))
        return self.head(x)


# --- targets and loss ------------------------------------------------------------------------------------------------

def targets(lines, turn: float, height: int, width: int) -> np.ndarray:
    """[4, H / 2, W / 8]: core, end, ln up, ln down. The lines are those of the page before its turn (degrees, about its centre)."""
    h, w = height // ROW, width // COLUMN
    out = np.zeros((4, h, w), np.float32)
    angle = math.radians(turn)
    cos, sin = math.cos(angle), math.sin(angle)
    ys = (np.arange(h, dtype=np.float32) + 0.5)[:, None] * ROW - height / 2
    xs = (np.arange(w, dtype=np.float32) + 0.5)[None] * COLUMN - width / 2
    # cell centres, turned back into the page's own frame
    px = xs * cos - ys * sin + width / 2
    py = xs * sin + ys * cos + height / 2
    for line in lines:
        tall = line.bottom - line.top
        middle = (line.top + line.bottom) / 2
        reach = tall + abs(sin) * width
        r0, r1 = max(0, int((line.top - reach) / ROW)), min(h, int((line.bottom + reach) / ROW) + 1)
        x, y = px[r0:r1], py[r0:r1]
        # A column more or less is 8 px: a core that starts with the first centre within the ink, widened by the contract's margin,
        # never cuts into a letter and is 8 px too wide at most, which matters for page numbers and other short words.
        inside = (x > line.x0 + COLUMN / 8) & (x < line.x1 - COLUMN / 8)
        half = HALF_CORE
        if line.x1 - line.x0 < COLUMN * 3:  # few columns: more rows of them, lest a number have too few cells to be seen
            half = 0.3
            if line.x1 - line.x0 < COLUMN * 1.25:
                inside = np.abs(x - (line.x0 + line.x1) / 2) <= COLUMN / 2
        core = inside & (np.abs(y - middle) < max(half * tall, 1.2))
        reach = max(COLUMN * 1.1, 0.35 * tall)
        end = ((x > line.x0 - reach) & (x < line.x1 + reach)) & ~inside & (np.abs(y - middle) < 0.42 * tall)
        out[END, r0:r1][end] = 1
        out[CORE, r0:r1][core] = 1
        up, down = np.maximum(y - line.top, 1), np.maximum(line.bottom - y, 1)
        out[UP, r0:r1][core] = np.log(up[core])
        out[DOWN, r0:r1][core] = np.log(down[core])
    out[END][out[CORE] > 0] = 0
    return out


def loss_of(maps, wanted, weight):
    """`weight` [N, H / 2, W / 8]: 0 where nobody knows what is there."""
    core, end = wanted[:, CORE], wanted[:, END]
    p = maps[:, CORE].sigmoid() * weight
    core = core * weight
    dice = 1 - (2 * (p * core).sum() + 1) / ((p + core).sum() + 1)
    # a core that runs on through a line's end joins two columns: few cells, which count for more
    core_loss = F.binary_cross_entropy_with_logits(maps[:, CORE], core, weight=weight * (1 + END_WEIGHT * end), pos_weight=torch.tensor(2.0))
    end_loss = F.binary_cross_entropy_with_logits(maps[:, END], end, weight=weight, pos_weight=torch.tensor(3.0))
    distance = ((maps[:, UP] - wanted[:, UP]).abs() + (maps[:, DOWN] - wanted[:, DOWN]).abs())
    distance = (distance * core).sum() / (core.sum() + 1)
    return core_loss + 0.5 * dice + 0.5 * end_loss + 0.5 * distance


# --- maps to boxes ---------------------------------------------------------------------------------------------------

def prepare(gray: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Page -> tensor, and the factors that bring the detector's pixels back to the page's, across and down.

    scale = min(1, 960 / longer side); both sides rounded (half to even) to whole pixels, at least 1; Pillow's triangle filter as in
    preprocess.py, across first; then v / 127.5 - 1 in f32, padded with +1 on the right and below to multiples of 64 and 16.
    """
    scale = min(1.0, SIDE / max(gray.shape))
    h, w = (max(1, round(s * scale)) for s in gray.shape)
    triangle = Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(gray).resize((w, gray.shape[0]), triangle).resize((w, h), triangle))
    x = np.ones((-(-h // 16) * 16, -(-w // 64) * 64), np.float32)
    x[:h, :w] = small.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return x[None, None], gray.shape[1] / w, gray.shape[0] / h


def boxes_of(maps: np.ndarray, sx: float, sy: float) -> list[np.ndarray]:
    """Maps [4, H / 2, W / 8] -> quadrilaterals (4 x 2, page pixels, clockwise from the top left). In f64 throughout:

    1. A cell is text where core > 0 and core > end (both are logits). Text cells that touch, corners included, form a component;
       one of a single cell, or whose highest core is under 0.5, is dropped. A component is a line.
    2. A cell's centre is ((column + 1/2) * 8, (row + 1/2) * 2); its top = y - exp(up), its bottom = y + exp(down).
    3. The line's height is the median of bottom - top over its cells (the mean of the middle two for an even count).
    4. Its middle is a straight line fitted by least squares through (x, (top + bottom) / 2) of all cells, or their mean, level, where
       the component spans fewer than 4 columns.
    5. It reaches 4 px + 0.12 heights beyond its first and last column, and half a height + 0.12 heights above and below its middle.
    """
    text = ((maps[CORE] > 0) & (maps[CORE] > maps[END])).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(text, connectivity=8)
    out = []
    for i in range(1, count):
        column, row, columns, rows, cells = (int(v) for v in stats[i])
        window = np.s_[row:row + rows, column:column + columns]
        mask = labels[window] == i
        if cells < 2 or maps[CORE][window][mask].max() < LEAST_CORE:
            continue
        r, c = np.nonzero(mask)
        x, y = (column + c + 0.5) * COLUMN, (row + r + 0.5) * ROW
        top = y - np.exp(maps[UP][window][mask].astype(np.float64))
        bottom = y + np.exp(maps[DOWN][window][mask].astype(np.float64))
        tall, middle = float(np.median(bottom - top)), (top + bottom) / 2
        dx = x - x.mean()
        slope = float((dx * middle).sum() / (dx * dx).sum()) if columns >= 4 else 0.0
        at = lambda px: slope * (px - x.mean()) + middle.mean()
        margin, half = COLUMN / 2 + PAD * tall, tall * (0.5 + PAD)
        x0, x1 = column * COLUMN - margin, (column + columns) * COLUMN + margin
        out.append(np.array([[x0, at(x0) - half], [x1, at(x1) - half], [x1, at(x1) + half], [x0, at(x0) + half]]) * (sx, sy))
    return [box.astype(np.float32) for box in out]
