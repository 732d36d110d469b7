"""What happens to a formula between TeX and the reader: printing, scanning, cutting out. Grey in, grey out, at the picture's own resolution."""
import cv2
import numpy as np

from .. import degrade


def worn(grey: np.ndarray, n: np.random.Generator) -> np.ndarray:
    border = [int(b) for b in n.integers(0, 12, 4)]
    grey = cv2.copyMakeBorder(grey, *border, cv2.BORDER_CONSTANT, value=255)
    if n.random() < 0.4:
        return grey
    a = 1 - grey.astype(np.float32) / 255
    size = min(40.0, 0.12 * grey.shape[0] + 14)
    if n.random() < 0.2:
        angle, shear = n.normal(0, 0.5), n.normal(0, 0.02)
        h, w = a.shape
        m = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1)
        m[0, 1] += shear
        m[0, 2] -= shear * h / 2
        a = cv2.warpAffine(a, m, (w, h))
    if n.random() < 0.12:
        a = degrade.spread(a, n, size)
    if n.random() < 0.1:
        a = degrade.uneven_ink(a, n, size, n.uniform(0.1, 0.6))
    if n.random() < 0.4:
        a = cv2.GaussianBlur(a, (0, 0), n.uniform(0.3, 0.9))
    if n.random() < 0.15:
        scale = n.uniform(0.6, 0.95)
        a = cv2.resize(a, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x = n.random()
    if x < 0.3:
        if n.random() < 0.5:  # a scan at twice the resolution, one bit
            a = cv2.resize(a, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        a = degrade.bilevel(a, n, size * 0.6)
    elif x < 0.7:
        return degrade.paper(np.clip(a, 0, 1), n)
    elif x < 0.85:
        a = np.clip(a * n.uniform(0.6, 1.8), 0, 1)
    return 255 - (np.clip(a, 0, 1) * 255).astype(np.uint8)
