"""Files of pages and their maps, a hundred each, as `train.py` takes them; and what the commands that make them ask for."""
import argparse
import io
import time
from pathlib import Path

import numpy as np
from PIL import Image

from ..config import arguments, work_dir
from .look import sheet

PAGES = 100  # in a file


def asked(doc: str) -> argparse.Namespace:
    parser = arguments(doc)
    parser.add_argument("--split", default="train", choices=["train", "held_out"])
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--count", type=int, default=1, help="of files, a hundred pages each")
    parser.add_argument("--sheet", help="write a PNG of some pages and their maps here instead")
    return parser.parse_args()


def write(path: Path, pages) -> None:
    """The first hundred of (gray, kinds)."""
    start, kept = time.time(), {}
    for number, (gray, kinds) in zip(range(PAGES), pages):
        png = io.BytesIO()
        Image.fromarray(gray).save(png, "png", compress_level=3)
        kept[f"page{number}"], kept[f"kinds{number}"] = np.frombuffer(png.getvalue(), np.uint8), kinds
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **kept)
    part.rename(path)
    print(f"{path.name}: {(time.time() - start) / PAGES:.2f} s a page", flush=True)


def make(args: argparse.Namespace, first: int, prime: int, made) -> None:
    """Files of documents of several pages each: `made` gives those of a seed. Files are numbered from `first`; seeds are multiples of `prime` and what follows."""

    def pages(start: int, step: int):
        while True:
            yield from made(start)
            start += step

    if args.sheet:
        some, seed = [], args.first
        while len(some) < 12:
            some += made(seed)[:3]
            seed += 1
        sheet(some[:12]).save(args.sheet)
        return
    for file in range(args.first, args.first + args.count):
        path = work_dir() / "layout-pages" / f"{args.split}-{first + file}.npz"
        if not path.exists():
            write(path, pages(prime * (file + 1) + (args.split == "held_out"), 2))
