"""The lines that a recogniser learns from: which ones a step sees, and what is done to each before it is seen.

The pool holds POOL shards; every STEPS_A_SHARD steps the oldest leaves and the next comes in, so each line is seen about
three times, each time with other levels, noise and shifts. Which lines a step sees follows from its number alone.
"""
import numpy as np
import torch

from .generate import load_or_make
from .preprocess import HEIGHT, level_table

POOL, STEPS_A_SHARD = 10, 180
BATCH_PIXELS = 32 * 10240  # a batch holds this many pixels: 32 lines of 320


class Pool:
    """The shards that a step draws from, and the batches it draws."""

    def __init__(self, alphabet, first: int = 0):
        self.alphabet, self.first, self.shards = alphabet, first, {}

    def at(self, step: int) -> list[dict]:
        newest = self.first + POOL - 1 + step // STEPS_A_SHARD
        wanted = range(newest - POOL + 1, newest + 1)
        for number in [n for n in self.shards if n not in wanted]:
            del self.shards[number]
        for number in wanted:
            if number not in self.shards:
                self.shards[number] = load_or_make(self.alphabet, number)
        return [self.shards[n] for n in wanted]

    def batch(self, step: int, widest: int):
        shards = self.at(step)
        n = np.random.default_rng([17, step])
        share = {}
        for s in shards:
            for width, lines in s.items():
                if width <= widest:
                    share[width] = share.get(width, 0) + len(lines) * width
        widths = sorted(share)
        p = np.array([share[w] for w in widths], np.float64)
        width = int(n.choice(widths, p=p / p.sum()))
        lines = [line for s in shards for line in s.get(width, ())]
        size = int(min(96, max(8, BATCH_PIXELS // 32 // width)))
        chosen = [lines[i] for i in n.integers(0, len(lines), size)]
        x = np.stack([augment(gray, width, n) for gray, _ in chosen])
        return torch.from_numpy(x)[:, None], [torch.from_numpy(t) for _, t in chosen]


def augment(gray: np.ndarray, width: int, n: np.random.Generator, shift: bool = True) -> np.ndarray:
    """The contract's levels, then small changes that cost nothing: a shift of a pixel, of up to 7 pixels sideways (with `shift`), noise, contrast."""
    x = np.ones((HEIGHT, width), np.float32)
    room = width - gray.shape[1]
    left = int(n.integers(0, min(room, 7) + 1)) if n.random() < 0.3 and shift else 0
    values = level_table(gray)[gray]
    u = n.random()
    if u < 0.2:
        values = values + n.standard_normal(values.shape, dtype=np.float32) * np.float32(n.uniform(0, 0.1))
    elif u < 0.4:
        values = 1 + (values - 1) * np.float32(n.uniform(0.7, 1.1))
    x[:, left:left + gray.shape[1]] = values
    if n.random() < 0.25:
        dy = 1 if n.random() < 0.5 else -1
        x = np.roll(x, dy, 0)
        x[0 if dy > 0 else -1] = x[1 if dy > 0 else -2]
    return np.clip(x, -1, 1)
