"""Formulas, their pictures and labels, in shards on disk.

python -m lab.formula.generate --first 0 --count 50           # shards of about 4,000 formulas; a shard is a function of its number
python -m lab.formula.generate --validation --count 1         # fonts and formulas that training does not see the like of
python -m lab.formula.generate --sheet look.png
"""
import argparse
import json
import os
import random
import time
import zlib
from pathlib import Path

import cv2
import numpy as np

from ..config import work_dir
from .grammar import Writer, mutated
from .latex import Unsupported, canonical, encode
from .preprocess import HIGHEST as MOST_ROWS, TARGET, WIDEST as MOST_COLUMNS, ink, measure
from .render import FONTS, render, settable

DOCUMENT, DOCUMENTS = 500, 8  # formulas in one run of TeX, runs in a shard
LONGEST = 140  # tokens
WIDEST, HIGHEST = 1500, 420  # pixels
RESOLUTIONS = {80: 1, 90: 2, 100: 4, 110: 4, 120: 4, 135: 3, 150: 3, 175: 2, 200: 2}
VALIDATION = 900_000


def real() -> list[str]:
    return json.loads((work_dir() / "formulas.json").read_text(encoding="utf-8"))


def choose(rng: random.Random, known: list[str], short: bool, validation: bool):
    """(source, tokens) of one formula."""
    writer = Writer(rng)
    while True:
        x = rng.random()
        if x < 0.55 or not known:
            source = writer.formula()
        else:
            source = rng.choice(known)
            for _ in range(rng.choice([1, 1, 1, 2])):
                if rng.random() < 0.9 or validation:
                    source = mutated(source, rng)
            if len(source) < 40 and rng.random() < 0.4:  # short ones in company
                other = mutated(rng.choice(known), rng)
                if len(other) < 60 and "&" not in source + other and "\\\\" not in source + other:
                    source = source + rng.choice([" = ", " + ", r" ,\quad ", " - ", r" \leq ", " ", r" \cdot "]) + other
        try:
            tokens = canonical(source)
        except (Unsupported, RecursionError, IndexError):
            continue
        longest = LONGEST if not short else rng.choice([6, 12, 24])
        # short ones teach little, very long ones are dear
        if len(tokens) <= longest and not (len(tokens) > 100 and rng.random() < 0.5) and not (len(tokens) < 12 and not short and rng.random() < 0.6):
            return source, tokens


def document(seed: int, known, short=False, validation=False):
    """One TeX run: [(picture, tokens)], font, resolution."""
    rng = random.Random(seed)
    chosen = [choose(rng, known, short, validation) for _ in range(DOCUMENT)]
    font = rng.choices(list(FONTS), [f["weight"] for f in FONTS.values()])[0]
    resolution = rng.choices(list(RESOLUTIONS), RESOLUTIONS.values())[0]
    sources = [settable(s, rf"\hspace{{{rng.choice([1, 2, 3, 5])}em}}") for s, _ in chosen]
    pictures = render(sources, font, resolution, [rng.random() < 0.2 for _ in sources], size=rng.choice([10, 10, 11, 12]))
    out = [(p, chosen[i][1]) for i, p in pictures.items() if p.shape[1] <= WIDEST and p.shape[0] <= HIGHEST]
    return out, font, resolution


def size_of_print(picture) -> float:
    found = measure(ink(picture))
    return found[0] if found else TARGET


def pack(entries) -> dict:
    """4-bit grey, deflated one by one."""
    blobs, sizes, labels, prints = [], [], [], []
    for picture, tokens in entries:
        picture = np.pad(picture, 2, constant_values=255)
        if picture.shape[1] % 2:
            picture = np.pad(picture, ((0, 0), (0, 1)), constant_values=255)
        four = ((255 - picture.astype(np.uint16) + 8) // 17).clip(0, 15).astype(np.uint8)
        blobs.append(zlib.compress((four[:, ::2] << 4 | four[:, 1::2]).tobytes(), 6))
        sizes.append(picture.shape)
        labels.append(encode(tokens))
        prints.append(size_of_print(picture))
    return {"blobs": np.frombuffer(b"".join(blobs), np.uint8), "ends": np.cumsum([len(b) for b in blobs]), "sizes": np.array(sizes, np.int16), "prints": np.array(prints, np.float32),
            "labels": np.concatenate([np.array(l, np.uint16) for l in labels]), "label_ends": np.cumsum([len(l) for l in labels])}


def unpack(blob: bytes, size) -> np.ndarray:
    """-> grey levels, 255 paper."""
    packed = np.frombuffer(zlib.decompress(blob), np.uint8).reshape(size[0], size[1] // 2)
    out = np.empty((size[0], size[1]), np.uint8)
    out[:, ::2] = packed >> 4
    out[:, 1::2] = packed & 15
    return 255 - out * 17


class Shard:
    def __init__(self, path):
        data = np.load(path)
        self.blobs, self.ends, self.sizes = data["blobs"].tobytes(), data["ends"], data["sizes"]
        self.labels, self.label_ends = data["labels"], data["label_ends"]
        self.lengths = np.diff(self.label_ends, prepend=0)
        prints = data["prints"] if "prints" in data else np.array([size_of_print(self.picture(i)) for i in range(len(self))])
        factor = np.minimum(np.clip(TARGET / prints, 0.1, 2.5), np.minimum(MOST_ROWS / self.sizes[:, 0], MOST_COLUMNS / self.sizes[:, 1]))
        self.scaled = self.sizes * factor[:, None]  # about what the network sees

    def __len__(self):
        return len(self.ends)

    def picture(self, i):
        return unpack(self.blobs[self.ends[i - 1] if i else 0:self.ends[i]], self.sizes[i])

    def label(self, i):
        return self.labels[self.label_ends[i - 1] if i else 0:self.label_ends[i]].astype(np.int64)


def make(number: int, folder: Path, known, validation=False):
    path = folder / f"{number:06d}.npz"
    if path.exists():
        return
    start, entries = time.time(), []
    for k in range(DOCUMENTS):
        # every eighth document holds short formulas, which a young net learns from first
        found, font, resolution = document(number * 100 + k, known, short=k == 0, validation=validation)
        if len(found) < DOCUMENT // 2:
            print(f"document {number}.{k} ({font}, {resolution} dpi): {len(found)} formulas only", flush=True)
        entries += found
    if not entries:
        return
    temporary = folder / f".{number:06d}.{os.getpid()}.npz"
    np.savez(temporary, **pack(entries))
    temporary.rename(path)
    print(f"{path.name}: {len(entries)} formulas, {path.stat().st_size / len(entries):.0f} bytes each, {time.time() - start:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no shard after so long")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    known = real()
    # what validation shows is a relative of formulas that training never sees
    held_out = [s for i, s in enumerate(known) if i % 20 == 0]
    known = held_out if args.validation else [s for i, s in enumerate(known) if i % 20]
    if args.sheet:
        entries, font, resolution = document(args.first, known)
        rows = [np.pad(p[:, :1000], ((3, 3), (0, 1000 - min(1000, p.shape[1]))), constant_values=255) for p, _ in entries[:40]]
        cv2.imwrite(str(args.sheet), np.vstack(rows))
        print(font, resolution, len(entries))
        return
    folder = work_dir() / ("formula-validation" if args.validation else "formula-shards")
    folder.mkdir(exist_ok=True)
    start = time.time()
    for number in range(args.first, args.first + args.count * args.step, args.step):
        if time.time() - start > args.seconds:
            break
        make(number + (VALIDATION if args.validation else 0), folder, known, args.validation)


if __name__ == "__main__":
    main()
