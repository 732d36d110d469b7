"""The baseline that the detector has to beat: connected components and run-length smearing, no learning (Wong, Casey, Wahl 1982).

At the detector's own scale: Otsu's threshold (turned round where most is ink), components of a letter's size, rows smeared over gaps of
up to GAP letter heights, the smear's components as lines. Everything follows from the median height of the components.
"""
import time

import cv2
import numpy as np
from PIL import Image

from .detector import PAD, SIDE

GAP, LARGEST, FLATTEST = 1.6, 5.0, 0.4  # in median letter heights


def lines_of(gray: np.ndarray) -> list[np.ndarray]:
    """Level boxes (4 x 2, pixels of this picture, clockwise from the top left)."""
    _, ink = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    if ink.mean() > 0.5:
        ink = 1 - ink
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    height, width, area = (stats[:, i] for i in (cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH, cv2.CC_STAT_AREA))
    letters = (height >= 4) & (height <= gray.shape[0] / 12) & (width <= gray.shape[1] / 4)
    letters[0] = False
    if not letters.any():
        return []
    typical = float(np.median(height[letters]))
    keep = (area >= 3) & (height <= LARGEST * typical) & (width <= 12 * typical)
    keep[0] = False
    rows = keep[labels].astype(np.uint8)
    gap = max(3, int(GAP * typical)) | 1
    smear = cv2.morphologyEx(np.pad(rows, ((0, 0), (gap, gap))), cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))[:, gap:-gap]
    out = []
    for x, y, w, h, _ in cv2.connectedComponentsWithStats(smear, connectivity=8)[2][1:]:
        if h < FLATTEST * typical or w < FLATTEST * typical:
            continue
        m = PAD * h + 1
        out.append(np.float32([[x - m, y - m], [x + w + m, y - m], [x + w + m, y + h + m], [x - m, y + h + m]]))
    return out


class ClassicalFinder:
    """The same face as evaluate_detector.Finder."""

    def __init__(self):
        self.seconds, self.pages = 0.0, 0

    def boxes(self, gray: np.ndarray) -> list[np.ndarray]:
        scale = min(1.0, SIDE / max(gray.shape))
        h, w = (max(1, round(s * scale)) for s in gray.shape)
        small = np.asarray(Image.fromarray(gray).resize((w, h), Image.Resampling.BILINEAR))
        start = time.process_time()
        boxes = lines_of(small)
        self.seconds += time.process_time() - start
        self.pages += 1
        return [box * np.float32([gray.shape[1] / w, gray.shape[0] / h]) for box in boxes]
