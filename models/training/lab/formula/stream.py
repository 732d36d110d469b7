"""Batches whose pictures have one shape, for training on a processor: no masks, and no paper but a little on the right of wide ones."""
import math
from collections import defaultdict

import numpy as np
import torch

from .augment import worn
from .latex import END, START
from .preprocess import normalise, padded, side

PATIENCE = 12000  # pictures drawn after which a shape that few have waits no longer


def steps(pixels: int) -> int:
    """Wide pictures get a little more paper, so that there are fewer shapes."""
    grid = 16 if pixels <= 256 else 32 if pixels <= 512 else 64
    return -(-pixels // grid) * grid


def rows(labels, longest: int):
    """-> tokens and the tokens wanted behind them, [n, longest + 1]."""
    tokens, wanted = np.zeros((len(labels), longest + 1), np.int64), np.full((len(labels), longest + 1), -100, np.int64)
    for row, label in enumerate(labels):
        tokens[row, 0], tokens[row, 1:len(label) + 1] = START, label
        wanted[row, :len(label)], wanted[row, len(label)] = label, END
    return torch.from_numpy(tokens), torch.from_numpy(wanted)


class Stream:
    """Endless: pictures [n, 1, h, w] uint8, tokens and wanted tokens (`rows`). `work` is what a batch may have: places of 8 x 8 pixels and, counted four times, tokens. Lengths are alike, too: a shape has two shelves."""

    def __init__(self, shards, seed, work=4000):
        self.shards, self.work, self.rng = shards, work, np.random.default_rng(seed)
        self.shelves, self.since, self.drawn = defaultdict(list), {}, 0

    def draw(self):
        shard = self.shards[self.rng.integers(len(self.shards))]
        i = int(self.rng.integers(len(shard)))
        grey = shard.picture(i)
        return normalise(worn(grey, self.rng), math.exp(self.rng.normal(0, 0.07))), shard.label(i)

    def __iter__(self):
        while True:
            picture, label = self.draw()
            self.drawn += 1
            if picture is None:
                continue
            high, wide = side(picture.shape[0]), steps(side(picture.shape[1]))
            places = high * wide // 64
            key = high, wide, len(label) * 12 > places
            self.since.setdefault(key, self.drawn)
            shelf = self.shelves[key]
            shelf.append((picture, label))
            if len(shelf) * (places + 4 * max(len(l) for _, l in shelf)) >= self.work:
                yield self.taken(key)
            elif self.drawn % 50 == 0:
                oldest = min(self.since, key=self.since.get)
                if self.since[oldest] < self.drawn - PATIENCE:
                    yield self.taken(oldest)

    def taken(self, key):
        del self.since[key]
        pictures, labels = zip(*self.shelves.pop(key))
        x = padded(pictures)
        x = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, steps(x.shape[3]) - x.shape[3])))
        return torch.from_numpy(x), *rows(labels, max(len(l) for l in labels))
