"""Everything the product needs of a trained pair, into models/shipped: fp32 and int8 models, characters, test vectors, figures.

The int8 model is calibrated here (`--requantise` makes that of every fp32 model shipped anew, and nothing else); the figures come from `evaluate` and `evaluate_detector`, run on exactly these files.
"""
import base64
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from . import detector
from .config import ROOT, Alphabet, arguments
from .confidence import NOISE, NOISE_LENGTH, fit
from .evaluate import Reader
from .evaluate_confidence import synthetic_lines
from .evaluate_detector import Finder
from .export import write, write_digests
from .lines import LineGenerator
from .pages import PageGenerator
from .preprocess import level_table, padded_width, resize_line, tensor
from .quantise import calibration_lines, calibration_pages, quantise
from .runs import load

SHIPPED = ROOT.parent / "shipped"


def b64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def line_vectors(path: Path, alphabet: Alphabet, model: Path, cases: int = 12):
    """Crops of odd sizes, dark and light, with every intermediate result of the contract in preprocess.py."""
    reader, generator, rng = Reader(model, alphabet), LineGenerator(alphabet, 424_242, "held_out"), np.random.default_rng(5)
    out = []
    while len(out) < cases:
        drawn = generator.line(320)
        if drawn is None:
            continue
        gray, truth = drawn
        height = int(rng.integers(14, 70))
        crop = cv2.resize(gray, (max(4, int(gray.shape[1] * height / 32 * rng.uniform(0.8, 1.2))), height), interpolation=cv2.INTER_AREA)
        if len(out) % 4 == 3:
            crop = 255 - crop
        line = resize_line(crop)
        classes = reader.logits(tensor(line)[None, None])[0].argmax(-1)
        out.append(dict(crop_width=crop.shape[1], crop_height=crop.shape[0], crop=b64(crop), width=line.shape[1], resized=b64(line),
                        level_table_f32le=b64(level_table(line)), padded_width=padded_width(line.shape[1]),
                        tensor_f32le_sha256=hashlib.sha256(tensor(line).tobytes()).hexdigest(),
                        classes=classes.tolist(), text=alphabet.decode(classes), truth=truth))
    path.write_text(json.dumps(dict(model=model.name, cases=out), ensure_ascii=False, indent=0))


def calibration(path: Path, fp32: Reader, int8: Reader, alphabet: Alphabet):
    """What turns each model's raw confidence into a probability, and what is dropped as noise."""
    fitted = [fit(*synthetic_lines(reader, alphabet, 1500)) for reader in (fp32, int8)]
    path.write_text(json.dumps(dict(
        says="P(a line has no error) = 1 / (1 + exp(-(a ln(c / (1 - c)) + b))), c = raw confidence (models/training/lab/confidence.py) held within .001 and .999",
        fp32=dict(a=round(fitted[0][0], 4), b=round(fitted[0][1], 4)), int8=dict(a=round(fitted[1][0], 4), b=round(fitted[1][1], 4)),
        noise=dict(says="a line of at most `characters` whose raw confidence is under `under` is dropped", characters=NOISE_LENGTH, under=NOISE)), indent=1) + "\n")


def quantise_recogniser(path: Path, alphabet: Alphabet, lines: int):
    int8 = path.with_name(f"{path.stem}-int8.onnx")
    quantise(path, int8, calibration_lines(alphabet, lines))
    calibration(path.with_name(f"{path.stem}-confidence.json"), Reader(path, alphabet), Reader(int8, alphabet), alphabet)


def quantise_detector(path: Path, alphabet: Alphabet, pages: int):
    quantise(path, path.with_name(f"{path.stem}-int8.onnx"), calibration_pages(alphabet, pages))


def page_vectors(folder: Path, alphabet: Alphabet, model: Path):
    """A page, its input tensor's digest, its maps (raw f32, [4, H / 2, W / 8]) and the boxes made from exactly those maps."""
    page, _, _ = PageGenerator(alphabet, 31_337).page(704, 512)
    page = cv2.resize(page, (768, 1056), interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(folder / "page.png"), page)
    x, sx, sy = detector.prepare(page)
    maps = Finder(model).session.run(None, {"x": x})[0][0]
    maps.astype("<f4").tofile(folder / "page-maps.f32")
    boxes = detector.boxes_of(maps, sx, sy)
    (folder / "page.json").write_text(json.dumps(dict(
        model=model.name, input_shape=list(x.shape), tensor_f32le_sha256=hashlib.sha256(x.astype("<f4").tobytes()).hexdigest(), scale_x=sx, scale_y=sy,
        maps_shape=list(maps.shape), boxes=[[[round(float(v), 3) for v in p] for p in box] for box in boxes]), indent=0))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--recogniser", help="run to ship")
    parser.add_argument("--detector", help="run to ship")
    parser.add_argument("--requantise", action="store_true", help="the int8 models alone, from the fp32 ones that are shipped")
    parser.add_argument("--lines", type=int, default=600, help="for calibration")
    parser.add_argument("--pages", type=int, default=40, help="for calibration")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    vectors = SHIPPED / "vectors"
    vectors.mkdir(parents=True, exist_ok=True)
    if args.requantise:
        for path in sorted(SHIPPED.glob(f"recogniser-{alphabet.name}-*.onnx")):
            if not path.stem.endswith("-int8"):
                quantise_recogniser(path, alphabet, args.lines)
        quantise_detector(SHIPPED / "detector.onnx", alphabet, args.pages)
    if args.recogniser:
        net, alphabet, state = load(args.recogniser)
        name = f"recogniser-{alphabet.name}-{state['meta']['tier']}"
        (SHIPPED / f"{alphabet.name}.txt").write_text("\n".join(alphabet.characters) + "\n", encoding="utf-8")
        path = SHIPPED / f"{name}.onnx"
        write(net, path, {"character": "\n".join(alphabet.characters), "run": args.recogniser, "step": str(state["step"])})
        quantise_recogniser(path, alphabet, args.lines)
        line_vectors(vectors / f"{name}.json", alphabet, path)
    if args.detector:
        net, _, state = load(args.detector)
        path = SHIPPED / "detector.onnx"
        write(net, path, {"run": args.detector, "step": str(state["step"])})
        quantise_detector(path, alphabet, args.pages)
        page_vectors(vectors, alphabet, path)
    write_digests(SHIPPED)
    for path in sorted(SHIPPED.rglob("*.*")):
        print(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(SHIPPED))


if __name__ == "__main__":
    main()
