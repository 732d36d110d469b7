"""PP-OCRv6 small (Apache-2.0, from the rapidocr wheel) as teacher and yardstick: line boxes, line texts, maps."""
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

THRESHOLD, BOX_SCORE, UNCLIP, SIDE = 0.3, 0.5, 1.6, 960


def session(path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def model(part: str) -> ort.InferenceSession:
    folder = Path(find_spec("rapidocr").submodule_search_locations[0]) / "models"
    return session(folder / f"PP-OCRv6_{part}_small.onnx")


def text_map(gray: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The detector's probability map, at the size it ran."""
    scale = min(1.0, side / max(gray.shape))
    h, w = (max(32, round(s * scale / 32) * 32) for s in gray.shape)
    x = cv2.resize(gray, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR).astype(np.float32) / 127.5 - 1
    return model("det").run(None, {"x": np.repeat(x[None, None], 3, 1)})[0][0, 0]


def boxes_of(probability: np.ndarray, shape) -> list[np.ndarray]:
    """Rotated boxes (4 x 2, page pixels, clockwise from the top left) as DBNet's post-processing finds them."""
    sy, sx = shape[0] / probability.shape[0], shape[1] / probability.shape[1]
    mask = cv2.dilate((probability > THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    out = []
    for contour in contours:
        (cx, cy), (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < 3:
            continue
        x, y, bw, bh = cv2.boundingRect(contour)
        inside = np.zeros((bh, bw), np.uint8)
        cv2.drawContours(inside, [contour - (x, y)], -1, 1, -1)
        if probability[y:y + bh, x:x + bw][inside > 0].mean() < BOX_SCORE:
            continue
        grow = w * h * UNCLIP / (w + h)  # twice the offset area * ratio / perimeter
        points = cv2.boxPoints(((cx, cy), (w + grow, h + grow), angle)) * (sx, sy)
        order = np.argsort(points[:, 0])
        left, right = points[order[:2]], points[order[2:]]
        left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
        out.append(np.array([left[0], right[0], right[1], left[1]], np.float32))
    return out


def crop(gray: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The box as an upright image."""
    w = int(round(max(np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[2] - box[3]))))
    h = int(round(max(np.linalg.norm(box[3] - box[0]), np.linalg.norm(box[2] - box[1]))))
    w, h = max(2, w), max(2, h)
    matrix = cv2.getAffineTransform(box[[0, 1, 3]], np.float32([[0, 0], [w, 0], [0, h]]))
    return cv2.warpAffine(gray, matrix, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@cache
def characters() -> list[str]:
    listed = model("rec").get_modelmeta().custom_metadata_map["character"].split("\n")
    return ["", *listed, " "]


def read(line: np.ndarray) -> tuple[str, float]:
    """Its text, and the mean of its characters' largest softmax values (0 without text)."""
    h, w = line.shape
    width = -(-max(16, int(np.ceil(48 * w / h))) // 32) * 32
    fitted = min(width, max(8, int(np.ceil(48 * w / h))))
    x = np.zeros((1, 3, 48, width), np.float32)
    x[0, :, :, :fitted] = cv2.resize(line, (fitted, 48), interpolation=cv2.INTER_AREA if h > 60 else cv2.INTER_LINEAR).astype(np.float32) / 127.5 - 1
    p = model("rec").run(None, {"x": x})[0][0]
    best = p.argmax(-1)
    steps = [i for i, (c, last) in enumerate(zip(best, np.concatenate([[0], best[:-1]]))) if c != last and c]
    return "".join(characters()[best[i]] for i in steps), float(np.mean([p[i, best[i]] for i in steps])) if steps else 0.0
