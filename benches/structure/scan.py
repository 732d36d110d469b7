"""Makes scans of documents: `scan.py FROM TO [--dpi 200]`: each page drawn by pdftoppm, turned a little, blurred, with noise, as JPEG in a PDF."""

import argparse
import io
import pathlib
import random
import shutil
import subprocess
import tempfile

import numpy
from PIL import Image, ImageFilter


def worn(image, seed):
    r = random.Random(seed)
    image = image.rotate(r.uniform(-.6, .6), Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(r.uniform(.3, .8)))
    pixels = numpy.asarray(image, dtype=numpy.float32)
    paper, ink = r.uniform(225, 250), r.uniform(10, 60)
    noise = numpy.random.default_rng(seed).normal(0, r.uniform(2, 7), pixels.shape)
    return Image.fromarray(numpy.clip(ink + pixels / 255 * (paper - ink) + noise, 0, 255).astype(numpy.uint8))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("source", type=pathlib.Path)
    arguments.add_argument("target", type=pathlib.Path)
    arguments.add_argument("--dpi", type=int, default=200)
    options = arguments.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    for path in sorted(options.source.glob("*.pdf")):
        target = options.target / path.name
        if target.exists():
            continue
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(["pdftoppm", "-r", str(options.dpi), "-gray", path, f"{work}/p"], check=True)
            pages = []
            for number, page in enumerate(sorted(pathlib.Path(work).glob("*.pgm"))):
                buffer = io.BytesIO()
                seed = sum(path.stem.encode()) * 1_000 + number
                worn(Image.open(page), seed).save(buffer, "JPEG", quality=80)
                pages.append(Image.open(buffer))
            pages[0].save(target, save_all=True, append_images=pages[1:], resolution=options.dpi, quality=80)
        truth = path.with_suffix(".json")
        if truth.exists():
            shutil.copy(truth, options.target)


if __name__ == "__main__":
    main()
