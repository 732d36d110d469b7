"""SLANet-1M, a network for the structure of tables, on the tables of scans: TEDS of the structure alone, and CPU ms a table.

    slanet.py FOLDER RECORDS MODEL

FOLDER is what make.py wrote; RECORDS are those of the tagged files, by which the tables' places on the pages are known (the network is given
the tables cut out, as its users give it); MODEL is slanet-1m.onnx."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnxruntime
from PIL import Image
from rapidfuzz import fuzz

sys.path.append(str(Path(__file__).parent.parent / "structure"))
from score import as_html, words  # noqa: E402
from teds import teds  # noqa: E402

SIDE = 488
MEAN, DEVIATION = (numpy.array(values, dtype=numpy.float32) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


class Network:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        tokens = self.session.get_modelmeta().custom_metadata_map["character"].split("\n")
        # Cells without spans are one token.
        self.tokens = ["", *(token for token in tokens if token != "<td>"), "<td></td>", ""]

    def structure(self, image):
        """HTML of a table's structure."""
        ratio = SIDE / max(image.size)
        small = image.resize([max(1, int(side * ratio)) for side in image.size], Image.BILINEAR)
        pixels = (numpy.asarray(small, dtype=numpy.float32)[:, :, ::-1] / 255 - MEAN) / DEVIATION
        whole = numpy.zeros((SIDE, SIDE, 3), dtype=numpy.float32)
        whole[: pixels.shape[0], : pixels.shape[1]] = pixels
        _, scores = self.session.run(None, {self.session.get_inputs()[0].name: whole.transpose(2, 0, 1)[None]})
        best, out = scores[0].argmax(axis=1), []
        for at, token in enumerate(best):
            if at and token == len(self.tokens) - 1:
                break
            out.append(self.tokens[token])
        return "<table>" + "".join(out) + "</table>"


def places(truth, records):
    """Of each table the page (from 0) and its rectangle in points, where the record of the tagged file has it."""
    found = []
    for page, line in enumerate(records.read_text().splitlines()):
        for block in json.loads(line).get("blocks", []):
            if block.get("table"):
                corners = numpy.array([[point["x"], point["y"]] if isinstance(point, dict) else point for point in block["polygon"]])
                found.append((words(as_html([block["table"]])), page, (*corners.min(axis=0), *corners.max(axis=0))))
    for table in truth["tables"]:
        likeness = [fuzz.token_set_ratio(words(table), text) for text, _, _ in found]
        if likeness and max(likeness) > 80:
            yield table, *found[likeness.index(max(likeness))][1:]


def main():
    folder, records, network = Path(sys.argv[1]), Path(sys.argv[2]), Network(sys.argv[3])
    scores, spent = [], 0.0
    for file in sorted(folder.glob("*.json")):
        with tempfile.TemporaryDirectory() as work:
            subprocess.run(["pdftoppm", "-r", "200", folder / "scans" / f"{file.stem}.pdf", f"{work}/page"], check=True)
            pages = [Image.open(page).convert("RGB") for page in sorted(Path(work).iterdir())]
            for table, page, rect in places(json.loads(file.read_text()), records / f"{file.stem}.jsonl"):
                margin = 12
                left, top, right, bottom = (side * 200 / 72 for side in rect)
                image = pages[page].crop((int(left) - margin, int(top) - margin, int(right) + margin, int(bottom) + margin))
                before = time.process_time()
                found = network.structure(image)
                spent += time.process_time() - before
                scores.append(teds(table, found, True) if "<td" in found else 0.0)
    print(f"SLANet-1M: {len(scores)} tables, structure {sum(scores) / max(1, len(scores)):.3f}, {1000 * spent / max(1, len(scores)):.0f} CPU ms a table")


if __name__ == "__main__":
    main()
