"""THE CONTRACT for the reader of symbols: a grey crop -> its connected parts -> what the network sees of each. Rust does the same, step by step.

1. Ink as in `preprocess.py`, step 1, and the print's size s as there, step 2, but without what is higher than three times the middle one of the heights (of an
   even number the larger): tall brackets and large operators would be most of the print of a small matrix. Bars and dots do not count for the middle: parts wider than four times
   their height; whose sides differ by no more than a half and whose box is seven tenths ink.
2. Scale: where s is above 36 the picture shrinks so that it is 24, averaging over areas.
3. Parts: 8-connected components of x > 0.3: at 0.5 one formula in two has letters in pieces, for their hairlines are thinner than a pixel, and from 0.22 on more letters touch; in the order of their left sides, then of their tops; those lower and narrower than 0.08 s are specks.
4. For each part, 32 x 32 pixels in five channels, 8 bits:
   0. its own ink, scaled so that its longer side is 28 pixels, in the middle (shrinking averages, growing is bilinear);
   1. its own ink, and 2. all ink, around the middle of its box, scaled so that s is 6 pixels (the whole picture is scaled at once, each side rounded up; middles are cut off to whole pixels);
   3. and 4. everywhere the same: 128 + 32 log2 of its height and of its width over s, rounded, 0 to 255.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from .preprocess import ink, size_of

SIDE, OWN, NEAR, CHANNELS = 32, 28, 6.0, 5
MOST, SHRUNK = 36.0, 24.0
LIMIT, SPECK = 0.3, 0.08


@dataclass
class Parts:
    ink: np.ndarray
    """After scaling."""
    labels: np.ndarray
    numbers: list
    """Of each part in `labels`."""
    boxes: np.ndarray
    """left, top, right, bottom; the last two excluded."""
    size: float
    factor: float


def size_of_print(x: np.ndarray):
    """Step 1; None where there is no ink."""
    _, _, parts, _ = cv2.connectedComponentsWithStats((x > 0.5).astype(np.uint8), connectivity=8)
    parts = parts[1:]
    if not len(parts):
        return None
    width, height, area = parts[:, cv2.CC_STAT_WIDTH], parts[:, cv2.CC_STAT_HEIGHT], parts[:, cv2.CC_STAT_AREA]
    is_dot = (2 * width <= 3 * height) & (2 * height <= 3 * width) & (10 * area >= 7 * width * height)
    counted = np.sort(height[(width <= 4 * height) & ~is_dot])
    if len(counted):
        parts = parts[height <= 3 * counted[len(counted) // 2]]
    return max(size_of(parts), 1.0)


def parts_of(grey: np.ndarray):
    x = ink(grey)
    size = size_of_print(x)
    if size is None:
        return None
    factor = SHRUNK / size if size > MOST else 1.0
    if factor != 1.0:
        shape = max(1, round(x.shape[1] * factor)), max(1, round(x.shape[0] * factor))
        x = cv2.resize(x, shape, interpolation=cv2.INTER_AREA)
        size *= factor
    count, labels, stats, _ = cv2.connectedComponentsWithStats((x > LIMIT).astype(np.uint8), connectivity=8)
    kept = [k for k in range(1, count) if max(stats[k, cv2.CC_STAT_WIDTH], stats[k, cv2.CC_STAT_HEIGHT]) >= SPECK * size]
    kept.sort(key=lambda k: (stats[k, cv2.CC_STAT_LEFT], stats[k, cv2.CC_STAT_TOP]))
    boxes = np.array([(stats[k, 0], stats[k, 1], stats[k, 0] + stats[k, 2], stats[k, 1] + stats[k, 3]) for k in kept]).reshape(-1, 4)
    return Parts(x, labels, kept, boxes, size, factor)


def resized(x, width, height):
    if (x.shape[1], x.shape[0]) == (width, height):
        return x
    smaller = width < x.shape[1] or height < x.shape[0]
    return cv2.resize(x, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def inputs(parts: Parts) -> np.ndarray:
    """[n, 5, 32, 32] uint8."""
    x, size = parts.ink, parts.size
    out = np.zeros((len(parts.boxes), CHANNELS, SIDE, SIDE), np.uint8)
    scale = NEAR / size
    width, height = int(np.ceil(x.shape[1] * scale)), int(np.ceil(x.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(x, (width, height), interpolation=way)
    across, down = width / x.shape[1], height / x.shape[0]
    small = np.pad((small * 255 + 0.5).astype(np.uint8), SIDE)
    for k, (number, (left, top, right, bottom)) in enumerate(zip(parts.numbers, parts.boxes)):
        own = np.where(parts.labels[top:bottom, left:right] == number, x[top:bottom, left:right], 0).astype(np.float32)
        h, w = own.shape
        fit = OWN / max(h, w)
        to_w, to_h = max(1, round(w * fit)), max(1, round(h * fit))
        own_fit = (resized(own, to_w, to_h) * 255 + 0.5).astype(np.uint8)
        y0, x0 = (SIDE - to_h) // 2, (SIDE - to_w) // 2
        out[k, 0, y0:y0 + to_h, x0:x0 + to_w] = own_fit
        cx, cy = int((left + right) / 2 * across), int((top + bottom) / 2 * down)
        out[k, 2] = small[cy + SIDE // 2:cy + SIDE // 2 + SIDE, cx + SIDE // 2:cx + SIDE // 2 + SIDE]
        # its own ink on the same grid
        near_w, near_h = max(1, round(w * scale)), max(1, round(h * scale))
        near = (cv2.resize(own, (near_w, near_h), interpolation=way) * 255 + 0.5).astype(np.uint8)
        y0, x0 = SIDE // 2 - near_h // 2, SIDE // 2 - near_w // 2
        cut_y, cut_x = max(0, -y0), max(0, -x0)
        near = near[cut_y:cut_y + SIDE, cut_x:cut_x + SIDE]
        y0, x0 = max(0, y0), max(0, x0)
        out[k, 1, y0:y0 + near.shape[0], x0:x0 + near.shape[1]] = near[:SIDE - y0, :SIDE - x0]
        out[k, 3] = np.clip(round(128 + 32 * np.log2(h / size)), 0, 255)
        out[k, 4] = np.clip(round(128 + 32 * np.log2(w / size)), 0, 255)
    return out


def cut(parts: Parts, k: int, axis: int, at: int):
    """One part in two, by a line: `axis` 1 across x, 0 across y; `at` in the picture's pixels. None where one has no ink."""
    number, (left, top, right, bottom) = parts.numbers[k], parts.boxes[k]
    labels = parts.labels.copy()
    second = labels.max() + 1
    where = [slice(top, bottom), slice(left, right)]
    where[axis] = slice(at, (bottom, right)[axis])
    of_second = labels[tuple(where)]
    of_second[of_second == number] = second
    boxes = []
    for n in (number, second):
        ys, xs = np.nonzero(labels[top:bottom, left:right] == n)
        if not len(ys):
            return None
        boxes.append((left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1))
    return Parts(parts.ink, labels, [number, second], np.array(boxes), parts.size, parts.factor)


def cuts(parts: Parts, k: int):
    """Where a part may be cut: (axis, at), the thinnest places first. At most five columns and three rows, none near an end."""
    number, (left, top, right, bottom) = parts.numbers[k], parts.boxes[k]
    own = parts.labels[top:bottom, left:right] == number
    margin, found = max(2, int(0.12 * parts.size)), []
    for axis, most in ((1, 5), (0, 3)):
        profile = own.sum(1 - axis)
        ends = [c for c in range(margin, len(profile) - margin + 1) if profile[c - 1] >= profile[c] < profile[min(c + 1, len(profile) - 1)] or c + 1 < len(profile) and profile[c - 1] > profile[c] <= profile[c + 1]]
        ends = [c for c in ends if profile[c] <= max(2, 0.5 * profile.max())]
        ends.sort(key=lambda c: (profile[c], c))
        found += [(int(profile[c]), axis, (top, left)[axis] + c) for c in ends[:most]]
    return [(axis, at) for _, axis, at in sorted(found)]
