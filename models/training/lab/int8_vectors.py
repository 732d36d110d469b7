"""What ONNX Runtime makes of the shipped int8 models: every so manieth value of their outputs, for the test of our own runtime
(`models/tests/data/int8.json`). `python -m lab.int8_vectors ../shipped ../tests/data/int8.json`.

Inputs are pixels of `vectors/page.png` as they are, black 1 and white -1."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

# Top, left, height, width of what is cut out; each so manieth value is kept.
CASES = {
    "detector-int8": ([0, 0, 480, 320], 211),
    "recogniser-latin-fast-int8": ([96, 64, 32, 640], 251),
    "recogniser-latin-large-int8": ([96, 64, 32, 640], 251),
    "layout-int8": ([0, 0, 480, 320], 211),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shipped", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    page = np.asarray(Image.open(args.shipped / "vectors/page.png").convert("L"))
    made = {"onnxruntime": onnxruntime.__version__, "models": []}
    for model, ((top, left, height, width), every) in CASES.items():
        pixels = page[top:top + height, left:left + width].astype(np.float32)
        tensor = (np.float32(1) - pixels / np.float32(127.5))[None, None]
        session = onnxruntime.InferenceSession(args.shipped / f"{model}.onnx", providers=["CPUExecutionProvider"])
        output = session.run(None, {"x": tensor})[0]
        values = [float(np.float32(value)) for value in output.ravel()[::every]]
        made["models"].append({"model": model, "cut": [top, left, height, width], "shape": output.shape, "every": every, "values": values})
    args.target.write_text(json.dumps(made, indent=None).replace('{"model"', '\n{"model"') + "\n")


if __name__ == "__main__":
    main()
