"""How sure the recogniser is: part of the contract with Rust. `evaluate_confidence` says what it is worth.

A character's confidence is the softmax's largest value over the steps of its run on the best path (spaces count as characters).
A line's is the geometric mean over its three least sure characters (all, if there are fewer); 0 without text. It told wrong lines
from right ones better (area under the curve .93 on our real pages) than the mean over all characters (.91), the least sure
character (.92) or any mean over steps (.79 to .85). A page's is the mean over its lines, weighted by their characters.

This raw number ranks lines. `probability` turns it into the probability that a line has no error at all, with two numbers that
`ship` fits on synthetic lines of held-out fonts and texts and puts beside the model (`confidence.json`); real pages only check them.
"""
import numpy as np

from .config import BLANK

NOISE_LENGTH, NOISE = 2, 0.6


def confidence(logits: np.ndarray) -> float:
    """logits [steps, classes]"""
    best, top = logits.argmax(-1), logits.max(-1)
    p = 1 / np.exp(logits - top[:, None]).sum(-1)
    characters, last = [], BLANK
    for c, value in zip(best, p):
        if c != BLANK:
            if c == last:
                characters[-1] = max(characters[-1], value)
            else:
                characters.append(value)
        last = c
    least = np.sort(characters)[:3]
    return float(np.exp(np.log(least).mean())) if len(least) else 0.0


def is_noise(text: str, sure: float) -> bool:
    """A line of one or two characters that was read without confidence is a speck, a stroke of a stamp or of a pen, and is dropped. On our
    real pages that takes a quarter off the error of typewritten pages (.0096 to .0075) and costs no page number."""
    return len(text.strip()) <= NOISE_LENGTH and sure < NOISE


def fit(sure: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """(a, b) of P(right) = 1 / (1 + exp(-(a ln(c / (1 - c)) + b))), by Newton's method on the log-likelihood; c held within .001 and .999."""
    x = np.log(np.clip(sure, .001, .999) / (1 - np.clip(sure, .001, .999)))
    design, w = np.stack([x, np.ones_like(x)], 1), np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ w))
        w += np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2), design.T @ (right - p))
    return float(w[0]), float(w[1])


def probability(sure: np.ndarray, a: float, b: float) -> np.ndarray:
    c = np.clip(sure, .001, .999)
    return 1 / (1 + np.exp(-(a * np.log(c / (1 - c)) + b)))
