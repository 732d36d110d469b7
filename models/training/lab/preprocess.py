"""From a text line's crop to the recogniser's input, and back to text. The contract that the Rust side follows to the last bit.

0. Crop: the detector's quadrilateral, sampled upright by `teacher.crop` (sides rounded to whole pixels, bicubic, edges repeated). A level
   box may be cut out as it is; this step is the one that need not agree to the last bit.
1. Resize: the gray crop (u8, H x W) to 32 x w, w = max(8, (64 * W + H) div (2 * H)), by Pillow's 8-bit triangle filter:
   always the horizontal pass first (at full height), then the vertical one, each rounded to u8. `triangle_resize` below
   states it in integers; two calls of Pillow do the same and faster (`python -m lab.preprocess` checks that they agree).
2. Levels: from the histogram of those 32*w pixels, lo and hi are the lowest levels at which the cumulated count reaches
   1/100 and 95/100 of the pixels. If the median level (1/2) is nearer to lo than to hi (2 * median < lo + hi), the line is
   light on dark: every level v becomes 255 - v and (lo, hi) become (255 - hi', 255 - lo') with lo', hi' taken at 5/100 and 99/100.
3. Values: f32, step = 2 / max(hi - lo, 32), x = min(1, max(-1, (v - hi) * step + 1)): paper is +1, ink about -1.
4. Width: the tensor [1, 1, 32, padded] is filled with +1 right of w; padded is the next multiple of 32 from w + 8.
5. Output: logits [1, padded / 4, classes]; best path: argmax a step (the lowest class wins a tie), repeats merged, blanks dropped.
   Class 0 is the blank, 1 the space, the others lines 1.. of the character list.
"""
import numpy as np
from PIL import Image

HEIGHT, STRIDE, BUCKET, TAIL = 32, 4, 32, 8


def triangle_coefficients(size_in: int, size_out: int):
    """Per output pixel: first input pixel and 22-bit fixed-point weights (Pillow's precompute_coeffs, ImagingResample)."""
    scale = size_in / size_out
    filter_scale = max(scale, 1.0)
    rows = []
    for i in range(size_out):
        centre = (i + 0.5) * scale
        first = max(0, int(centre - filter_scale + 0.5))
        last = min(size_in, int(centre + filter_scale + 0.5))
        weights = [max(0.0, 1.0 - abs((x - centre + 0.5) * (1.0 / filter_scale))) for x in range(first, last)]
        total = 0.0
        for w in weights:
            total += w
        rows.append((first, [int(0.5 + w / total * (1 << 22)) for w in weights]))
    return rows


def triangle_resize(gray: np.ndarray, width: int, height: int) -> np.ndarray:
    """The resize of step 1 in plain integers, as a reference; skips a pass whose size does not change, as Pillow does."""
    def one_pass(a, size):  # along axis 1
        if a.shape[1] == size:
            return a
        out = np.empty((a.shape[0], size), np.uint8)
        for i, (first, weights) in enumerate(triangle_coefficients(a.shape[1], size)):
            total = a[:, first:first + len(weights)].astype(np.int64) @ np.array(weights, np.int64) + (1 << 21)
            out[:, i] = np.clip(total >> 22, 0, 255)
        return out
    return one_pass(one_pass(gray, width).T, height).T


def resize_line(gray: np.ndarray) -> np.ndarray:
    h, w = gray.shape
    width = max(8, (2 * HEIGHT * w + h) // (2 * h))
    triangle = Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(gray).resize((width, h), triangle).resize((width, HEIGHT), triangle))


def level_table(gray: np.ndarray) -> np.ndarray:
    """Steps 2 and 3 as a table of 256 values: what each gray level becomes."""
    cumulated = np.cumsum(np.bincount(gray.ravel(), minlength=256))
    at = lambda share: int(np.searchsorted(cumulated * 100, share * gray.size))
    lo, median, hi = at(1), at(50), at(95)
    levels = np.arange(256, dtype=np.float32)
    if 2 * median < lo + hi:
        lo, hi, levels = 255 - at(99), 255 - at(5), np.float32(255) - levels
    step = np.float32(2) / np.float32(max(hi - lo, 32))
    return np.clip((levels - np.float32(hi)) * step + np.float32(1), -1, 1).astype(np.float32)


def padded_width(width: int) -> int:
    return -(-(width + TAIL) // BUCKET) * BUCKET


def tensor(line: np.ndarray, width: int | None = None) -> np.ndarray:
    """A 32-high gray line -> [32, padded] f32."""
    x = np.ones((HEIGHT, width or padded_width(line.shape[1])), np.float32)
    x[:, :line.shape[1]] = level_table(line)[line]
    return x


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    for _ in range(200):
        h, w = (int(v) for v in rng.integers(5, 130, 2))
        crop = rng.integers(0, 256, (h, w * 3), dtype=np.uint8)
        theirs = resize_line(crop)
        assert np.array_equal(theirs, triangle_resize(crop, theirs.shape[1], HEIGHT)), (h, w)
    print("the integer resize equals Pillow's on 200 random crops")
