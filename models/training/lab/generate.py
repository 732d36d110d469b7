"""Make shards of lines (or look at them): every shard is a pure function of its number, so a run can be repeated.

The trainer makes shards that are missing by itself; make them beforehand where training is faster than drawing.
"""
import numpy as np

from .config import Alphabet, arguments, work_dir
from .lines import LineGenerator
from .preprocess import padded_width

LINES = 2000  # in a shard
WIDEST = 832


def shard(alphabet: Alphabet, number: int, split: str = "train", lines: int = LINES) -> dict:
    """{padded width: [(gray u8 [32, w], classes)]}"""
    g = LineGenerator(alphabet, seed=number * 7919 + (0 if split == "train" else 1), split=split)
    buckets: dict = {}
    made = 0
    while made < lines:
        try:
            drawn = g.line()
        except OSError:  # a glyph that the rasteriser refuses
            continue
        if drawn is None or not drawn[1]:
            continue
        gray, text = drawn
        width = padded_width(gray.shape[1])
        classes = alphabet.encode(text)
        repeats = sum(a == b for a, b in zip(classes, classes[1:]))
        if width > WIDEST or len(classes) + repeats > gray.shape[1] // 4:
            continue
        buckets.setdefault(width, []).append((gray, np.array(classes, np.int64)))
        made += 1
    return buckets


def load_or_make(alphabet: Alphabet, number: int, split: str = "train", lines: int = LINES) -> dict:
    path = work_dir() / alphabet.name / "shards" / f"{split}-{number}.npy"
    if path.exists():
        return np.load(path, allow_pickle=True).item()
    return shard(alphabet, number, split, lines)


def save(alphabet: Alphabet, number: int, split: str, lines: int):
    path = work_dir() / alphabet.name / "shards" / f"{split}-{number}.npy"
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, shard(alphabet, number, split, lines), allow_pickle=True)
    part.rename(path)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--split", default="train", choices=["train", "held_out"])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--sheet", help="write a PNG of some lines here instead of shards")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    if args.sheet:
        import cv2
        rows = [(x, t) for lines in shard(alphabet, args.first, args.split, 120).values() for x, t in lines][:60]
        sheet = np.full((len(rows) // 2 * 40, 1800), 128, np.uint8)
        for i, (x, t) in enumerate(rows[:len(rows) // 2 * 2]):
            sheet[i // 2 * 40:i // 2 * 40 + 32, i % 2 * 900:i % 2 * 900 + x.shape[1]] = x
            print(i, alphabet.decode(np.stack([t, np.zeros_like(t)], 1).ravel()))
        cv2.imwrite(args.sheet, sheet)
        return
    for number in range(args.first, args.first + args.count):
        save(alphabet, number, args.split, args.lines)


if __name__ == "__main__":
    main()
