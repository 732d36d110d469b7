"""The reader of symbols into models/shipped: its network in int8, how sure it may be, and the vectors by which Rust checks the contract.

python -m lab.formula.ship_glyphs symbols-2 --first 50 --count 120

How sure: pagestream itself reads our held-out formulas with the network (`cargo build --release -p pagestream-models --example symbols`).
"""
import base64
import json
import os
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from rapidfuzz.distance import Levenshtein

from ..config import ROOT, arguments
from ..export import write_digests
from ..ship import SHIPPED
from .latex import Unsupported, canonical
from .parts import cuts, inputs, parts_of
from .ship import held_out, rising
from .train_glyphs import NUMBERS, export_to

NAME = "formula-symbols.onnx"


def read(network: Path, samples):
    """Of each that was read: the score, the share of tokens right."""
    reader = os.environ.get("LAB_SYMBOL_READER", str(ROOT.parent.parent / "target/release/examples/symbols"))
    out = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{k:04d}.png") for k in range(len(samples))]
        for path, (picture, _) in zip(paths, samples):
            cv2.imwrite(path, picture)
        said = subprocess.run([reader, str(network), *paths], capture_output=True, check=True).stdout.decode().splitlines()
    for line, (_, wanted) in zip(said, samples, strict=True):
        _, score, _, latex = line.split("\t")
        if float(score) <= -99:
            continue
        try:
            tokens = canonical(latex)
        except Unsupported:
            tokens = []
        out.append((float(score), Levenshtein.normalized_similarity(tokens, wanted)))
    return np.array(out)


def with_metadata(path: Path, key: str, value: str):
    model = onnx.load(path)
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != key]
    del model.metadata_props[:]
    for k, v in [*kept, (key, value)]:
        model.metadata_props.add(key=k, value=v)
    onnx.save(model, path)


def vectors(path: Path, network: Path, cases: int):
    """Crops, their parts, what the network is given of each, and what ONNX Runtime makes of it."""
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    out = []
    for picture, _ in held_out(200):
        parts = parts_of(picture)
        if parts is None or not 6 <= len(parts.boxes) <= 14 or picture.size > 40_000:
            continue
        if len(out) == 1:  # one that is shrunk
            picture = cv2.resize(picture, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
            parts = parts_of(picture)
        tensor = inputs(parts)
        rows = session.run(None, {"x": tensor.astype(np.float32) / 255})[0][:, 0]
        sheet = tensor.transpose(0, 2, 1, 3).reshape(-1, tensor.shape[1] * tensor.shape[3])
        png = [base64.b64encode(cv2.imencode(".png", p)[1]).decode() for p in (picture, sheet)]
        out.append({"crop": png[0], "sheet": png[1], "boxes": parts.boxes.tolist(), "size": round(parts.size, 3), "classes": rows[:, :-NUMBERS].argmax(-1).tolist(),
                    "numbers": np.round(rows[:, -NUMBERS:], 3).tolist(), "cuts": [[[int(axis), int(at)] for axis, at in cuts(parts, k)] for k in range(len(parts.boxes))]})
        if len(out) == cases:
            break
    path.write_text(json.dumps({"cases": out}, separators=(",", ":")))


def main():
    parser = arguments(__doc__)
    parser.add_argument("run")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--formulas", type=int, default=960)
    args = parser.parse_args()
    export_to(SHIPPED, args.run, args.first, args.count)
    path = SHIPPED / NAME
    told = read(path, list(held_out(args.formulas)))
    curve = rising(told[:, 0], told[:, 1], 10)
    with_metadata(path, "confidence", "\n".join(f"{score} {share}" for score, share in curve))
    write_digests(SHIPPED)
    vectors(SHIPPED / "vectors" / "formula-symbols.json", path, 5)
    print(f"{path.stat().st_size} bytes; of {args.formulas} formulas {len(told)} read, {(told[:, 1] == 1).mean():.3f} of them exactly; {curve}")


if __name__ == "__main__":
    main()
