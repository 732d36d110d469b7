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
from torch import nn

from .nets import Bottleneck, conv

SIDE, ROW, COLUMN = 960, 2, 8  # longest side; input pixels a cell
CHANNELS, BLOCKS = (16, 32, 48, 64), (1, 2, 2, 2)
CORE, END, UP, DOWN = range(4)
HALF_CORE = 0.2  # of the line's height, above and below its middle


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
    """[5, H / 2, W / 8]: core, end, ln up, ln down, and where a core must not count (too small to see)."""
    h, w = height // ROW, width // COLUMN
    out = np.zeros((5, h, w), np.float32)
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
        inside = (x > line.x0 - COLUMN / 4) & (x < line.x1 + COLUMN / 4)
        if line.x1 - line.x0 < COLUMN * 1.5:
            inside = np.abs(x - (line.x0 + line.x1) / 2) < COLUMN * 0.75
        core = inside & (np.abs(y - middle) < max(HALF_CORE * tall, 1.2))
        reach = max(COLUMN * 1.1, 0.35 * tall)
        end = ((x > line.x0 - reach) & (x < line.x1 + reach)) & ~inside & (np.abs(y - middle) < 0.42 * tall)
        out[END, r0:r1][end] = 1
        out[CORE, r0:r1][core] = 1
        up, down = np.maximum(y - line.top, 1), np.maximum(line.bottom - y, 1)
        out[UP, r0:r1][core] = np.log(up[core])
        out[DOWN, r0:r1][core] = np.log(down[core])
    out[END][out[CORE] > 0] = 0
    return out


def loss_of(maps, wanted):
    core, end = wanted[:, CORE], wanted[:, END]
    p = maps[:, CORE].sigmoid()
    dice = 1 - (2 * (p * core).sum() + 1) / ((p + core).sum() + 1)
    core_loss = F.binary_cross_entropy_with_logits(maps[:, CORE], core, pos_weight=torch.tensor(2.0))
    end_loss = F.binary_cross_entropy_with_logits(maps[:, END], end, pos_weight=torch.tensor(3.0))
    distance = ((maps[:, UP] - wanted[:, UP]).abs() + (maps[:, DOWN] - wanted[:, DOWN]).abs())
    distance = (distance * core).sum() / (core.sum() + 1)
    return core_loss + 0.5 * dice + 0.5 * end_loss + 0.5 * distance


# --- maps to boxes ---------------------------------------------------------------------------------------------------

def prepare(gray: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Scale to the detector's size (area average when shrinking), pad with paper; returns the tensor and x, y scales back."""
    from PIL import Image
    scale = min(1.0, SIDE / max(gray.shape))
    h, w = (max(1, round(s * scale)) for s in gray.shape)
    triangle = Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(gray).resize((w, gray.shape[0]), triangle).resize((w, h), triangle))
    x = np.ones((-(-h // 16) * 16, -(-w // 64) * 64), np.float32)
    x[:h, :w] = small.astype(np.float32) / np.float32(127.5) - 1
    return x[None, None], gray.shape[1] / w, gray.shape[0] / h


def boxes_of(maps: np.ndarray, sx: float, sy: float, threshold: float = 0.0, pad: float = 0.12) -> list[np.ndarray]:
    """Quadrilaterals (4 x 2, page pixels, clockwise from the top left).

    Cells whose core logit is above the threshold and above the end logit are joined with their four neighbours and, sideways, over one
    empty cell between none of which is an end. A component is one line: a straight middle line is fitted through its columns
    (flat under 4 columns), the mean of ln up and ln down gives its height.
    """
    core = (maps[CORE] > threshold) & (maps[CORE] > maps[END])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    out = []
    for i in range(1, count):
        x, y, w, h, area = stats[i]
        part = labels[y:y + h, x:x + w] == i
        rows, columns = np.nonzero(part)
        cy, cx = (y + rows + 0.5) * ROW, (x + columns + 0.5) * COLUMN
        up = np.exp(maps[UP, y:y + h, x:x + w][part])
        down = np.exp(maps[DOWN, y:y + h, x:x + w][part])
        top, bottom = cy - up, cy + down
        if area < 2 or maps[CORE, y:y + h, x:x + w][part].max() < threshold + 0.5:
            continue
        middle = (top + bottom) / 2
        tall = float(np.median(bottom - top))
        slope, offset = np.polyfit(cx, middle, 1) if w >= 4 else (0.0, float(middle.mean()))
        # a component much taller than its lines holds two of them: leave it to the caller's second look
        margin = COLUMN / 2 + pad * tall
        x0, x1 = x * COLUMN - margin, (x + w) * COLUMN + margin
        half = tall * (0.5 + pad)
        out.append(np.array([[x0, slope * x0 + offset - half], [x1, slope * x1 + offset - half], [x1, slope * x1 + offset + half], [x0, slope * x0 + offset + half]], np.float32) * np.float32([sx, sy]))
    return out
