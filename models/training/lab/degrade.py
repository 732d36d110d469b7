"""What printing, typing, copying and scanning do to ink. Images are float32, 0 paper, 1 ink, at the page's resolution."""
import cv2
import numpy as np

cv2.setNumThreads(1)


def noise_field(n: np.random.Generator, shape, cell: float) -> np.ndarray:
    """Smooth noise of unit variance whose blobs are about `cell` pixels wide."""
    h, w = max(2, int(shape[0] / cell) + 2), max(2, int(shape[1] / cell) + 2)
    return cv2.resize(n.standard_normal((h, w), dtype=np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def uneven_ink(a, n, size, strength):
    """Worn type, a dry ribbon: ink thins out in patches of a stroke's to a letter's size."""
    return np.clip(a * (1 + strength * np.minimum(0.5, noise_field(n, a.shape, size * n.uniform(0.1, 0.8)))), 0, 1)


def ribbon(a, n, size):
    """The weave of a typewriter ribbon inside the strokes, and ink that spreads beyond them."""
    a = cv2.GaussianBlur(a, (0, 0), size * n.uniform(0.015, 0.05) + 0.2)
    grain = n.standard_normal(a.shape, dtype=np.float32) * n.uniform(0.05, 0.35)
    return np.clip(a * n.uniform(1.0, 2.2) * (1 - np.abs(grain)), 0, 1)  # a gain of two nearly closes the c


def spread(a, n, size):
    """Ink gain or loss."""
    if n.random() < 0.6:
        k = 3 if size > 34 else 2
        return cv2.dilate(a, cv2.getStructuringElement(cv2.MORPH_CROSS, (k, k)))
    return cv2.erode(a, np.ones((2, 2), np.uint8)) if size > 30 else a


def blur(a, n, size):
    return cv2.GaussianBlur(a, (0, 0), max(0.25, n.uniform(0.01, 0.035) * size))


def low_resolution(a, n, text_height):
    """Through a coarse scan or a screen and back: 9 to 26 pixels a line."""
    scale = n.uniform(9, 26) / max(1, text_height)
    if scale >= 1:
        return a
    small = cv2.resize(a, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small if small.shape[0] > 7 and small.shape[1] > 3 else a


def bilevel(a, n, size):
    """A one-bit scan: edge noise at two scales, a threshold, specks."""
    edge = noise_field(n, a.shape, max(1.5, size * n.uniform(0.03, 0.1))) * n.uniform(0, 0.16)
    if n.random() < 0.7:
        a = cv2.GaussianBlur(a, (0, 0), 0.3 + size * n.uniform(0, 0.02))
    # From two thirds on the thin strokes of a modern face are gone: the bar of an e.
    limit = n.uniform(0.28, 0.6) if n.random() < 0.75 else n.uniform(0.55, 0.72)
    grainy = a + edge + n.standard_normal(a.shape, dtype=np.float32) * n.uniform(0, 0.1)
    # But no more of them: what is not there any more must not be learnt.
    if limit > 0.6 and (grainy > limit).sum() < 0.6 * (a > 0.45).sum():
        limit = 0.5
    a = (grainy > limit).astype(np.float32)
    if n.random() < 0.3:
        a = np.abs(a - (n.random(a.shape, dtype=np.float32) < n.uniform(0.0005, 0.008)))
    return a


def waviness(a, n, size):
    """Baselines that drift and bend: a page not quite flat, type not quite level."""
    h, w = a.shape
    x = np.arange(w, dtype=np.float32)
    drift = np.tan(np.deg2rad(n.normal(0, 0.45))) * (x - w / 2)
    drift = np.clip(drift, -0.12 * h, 0.12 * h)
    drift += n.uniform(0, 0.03) * size * np.sin(x / size * n.uniform(0.05, 0.8) + n.uniform(0, 6.3))
    slant = n.normal(0, 0.06) if n.random() < 0.5 else 0.0
    ys = np.arange(h, dtype=np.float32)[:, None]
    return cv2.remap(a, x[None] + slant * (ys - h / 2), ys + drift[None].astype(np.float32), cv2.INTER_LINEAR)


def paper(a, n):
    """Ink on paper -> gray levels 0..255: contrast, shade, show-through, noise, JPEG."""
    fg = n.uniform(0, 0.4) ** 1.5
    bg = 1.0 if n.random() < 0.4 else 1 - n.uniform(0, 0.4) ** 1.5
    if n.random() < 0.15:
        bg = n.uniform(0.5, 1)
        fg = n.uniform(0, bg - 0.3)
    if n.random() < 0.05:
        a = np.maximum(a, cv2.GaussianBlur(a[:, ::-1], (0, 0), 2.0) * n.uniform(0.1, 0.35))
    g = bg + (fg - bg) * a
    if n.random() < 0.25:
        g = g + noise_field(n, g.shape, n.uniform(0.5, 4) * g.shape[0]) * n.uniform(0.01, 0.07)
    u = n.random()
    if u < 0.35:
        g = g + n.standard_normal(g.shape, dtype=np.float32) * n.uniform(0.005, 0.07)
    if n.random() < 0.05:
        g = 1 - g
    g = np.clip(g * 255, 0, 255).astype(np.uint8)
    if n.random() < 0.15:
        g = cv2.imdecode(cv2.imencode(".jpg", g, [cv2.IMWRITE_JPEG_QUALITY, int(n.integers(20, 88))])[1], cv2.IMREAD_GRAYSCALE)
    return g
