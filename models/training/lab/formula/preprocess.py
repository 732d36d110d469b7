"""THE CONTRACT for pictures: a grey crop -> the encoder's input. Rust does the same, step by step.

1. Paper and ink: paper is the median grey; if it is darker than 128 the picture is inverted first. With m the darkest grey, ink is the mean of the greys
   at or below (paper + m) / 2. x = clip((paper - grey) / (paper - ink), 0, 1).
2. Parts: 8-connected components of x > 0.5; bars are those wider than four times their height. The size s, of parts that are not bars: first a rough one, the
   median of the heights, each weighted by the part's pixels times its height; then, without parts lower than a fifth of that (specks), the median of the
   heights, each weighted by itself. If there are only bars, or no part is higher than 2 pixels: 0.9 times the median of the widths of all parts.
3. Crop: the box of all parts that are at least 0.12 s high or wide.
4. Scale: f = 10 / s, at least 0.1, at most 2.5; smaller where the result would be higher than 224 or wider than 960 pixels. Width and height are rounded, at least 1.
   Shrinking averages over areas, growing is bilinear (pixel centres aligned at half-integers).
5. A margin of 4 pixels of paper around it, then paper on the right and below up to multiples of 16.
"""
import cv2
import numpy as np

TARGET, MARGIN, MULTIPLE = 10.0, 4, 16
HIGHEST, WIDEST = 224, 960


def ink(grey: np.ndarray) -> np.ndarray:
    """Step 1: float32, 0 paper, 1 ink."""
    paper = int(np.median(grey))
    if paper < 128:
        grey, paper = 255 - grey, 255 - paper
    dark = grey[grey <= (paper + int(grey.min())) / 2]
    return np.clip((paper - grey.astype(np.float32)) / max(1.0, paper - float(dark.mean())), 0, 1)


def middle(values, weights):
    """The weighted median: the first value, in rising order, up to which lies at least half of the weight."""
    order = np.argsort(values, kind="stable")
    weight = np.cumsum(weights[order].astype(np.int64))
    return values[order][np.searchsorted(weight, weight[-1] / 2)]


def size_of(parts: np.ndarray) -> float:
    """Step 2, of OpenCV's statistics of parts."""
    width, height = parts[:, cv2.CC_STAT_WIDTH], parts[:, cv2.CC_STAT_HEIGHT]
    upright = parts[width <= 4 * height]
    if len(upright) and upright[:, cv2.CC_STAT_HEIGHT].max() > 2:
        tall, mass = upright[:, cv2.CC_STAT_HEIGHT], upright[:, cv2.CC_STAT_AREA]
        rough = middle(tall, mass * tall)
        tall = tall[tall >= 0.2 * rough]
        return float(middle(tall, tall))
    return 0.9 * float(np.median(width))


def measure(x: np.ndarray):
    """Steps 2 and 3: the size of the print and the box (left, top, right, bottom) of what is ink; None where there is none."""
    _, _, parts, _ = cv2.connectedComponentsWithStats((x > 0.5).astype(np.uint8), connectivity=8)
    parts = parts[1:]
    if not len(parts):
        return None
    size = size_of(parts)
    width, height = parts[:, cv2.CC_STAT_WIDTH], parts[:, cv2.CC_STAT_HEIGHT]
    parts = parts[np.maximum(width, height) >= 0.12 * size]
    left, top = parts[:, cv2.CC_STAT_LEFT].min(), parts[:, cv2.CC_STAT_TOP].min()
    right, bottom = (parts[:, cv2.CC_STAT_LEFT] + parts[:, cv2.CC_STAT_WIDTH]).max(), (parts[:, cv2.CC_STAT_TOP] + parts[:, cv2.CC_STAT_HEIGHT]).max()
    return max(size, 1.0), (left, top, right, bottom)


def normalise(grey: np.ndarray, jitter: float = 1.0):
    """Steps 1 to 4, without the margin: uint8, 0 paper, 255 ink; None for an empty picture. `jitter` is for training."""
    x = ink(grey)
    found = measure(x)
    if found is None:
        return None
    size, (left, top, right, bottom) = found
    x = x[top:bottom, left:right]
    h, w = x.shape
    factor = min(max(TARGET / size * jitter, 0.1), 2.5, HIGHEST / h, WIDEST / w)
    shape = max(1, round(w * factor)), max(1, round(h * factor))
    x = cv2.resize(x, shape, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return (x * 255 + 0.5).astype(np.uint8)


def side(pixels: int) -> int:
    """A height or width with its margin and paper."""
    return -(-(pixels + 2 * MARGIN) // MULTIPLE) * MULTIPLE


def padded(pictures) -> np.ndarray:
    """Step 5, for a batch: [n, 1, h, w] uint8."""
    out = np.zeros((len(pictures), 1, side(max(p.shape[0] for p in pictures)), side(max(p.shape[1] for p in pictures))), np.uint8)
    for k, p in enumerate(pictures):
        out[k, 0, MARGIN:MARGIN + p.shape[0], MARGIN:MARGIN + p.shape[1]] = p
    return out


def tensor(grey: np.ndarray):
    """The encoder's input for one crop: [1, 1, h, w] float32."""
    x = normalise(grey)
    return None if x is None else padded([x]).astype(np.float32) / 255
