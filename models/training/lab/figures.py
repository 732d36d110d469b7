"""The tables of the model cards, from the last evaluations in evaluations.jsonl: medians by source, with the number of pages."""
import json
from pathlib import Path

import numpy as np

from .config import arguments, work_dir


def tesseract(corpora: Path) -> dict:
    """Tesseract 5's medians on the same pages, from the corpora's manifest."""
    header, *rows = [line.split("\t") for line in (corpora / "MANIFEST.tsv").read_text().splitlines()]
    at = {name: i for i, name in enumerate(header)}
    cer: dict = {}
    for row in rows:
        value = row[at["tesseract5_cer"]] if len(row) > at["tesseract5_cer"] else ""
        for source, folder, names in (("old books", "old-books-dataset/", ""), ("typewritten", "ehri-dataset/", ""), ("ocr/test", "ocr/test/", ("eurotext.tif", "phototest.tif"))):
            if value and folder in row[0] and (not names or row[0].endswith(names)):
                cer.setdefault(source, []).append(float(value))
    return {source: float(np.median(values)) for source, values in cer.items()}


def main():
    parser = arguments(__doc__)
    parser.add_argument("recogniser", help="file name, without -int8 and .onnx")
    parser.add_argument("--corpora", type=Path, required=True)
    args = parser.parse_args()
    records = [json.loads(line) for line in (work_dir() / "evaluations.jsonl").read_text().splitlines()]
    alone = {r["model"]: r for r in records if "model" in r}
    pairs = {(r["detector"], r["recogniser"]): r for r in records if "detector" in r and r.get("pages", "pages") == "pages"}
    fp32, int8 = args.recogniser + ".onnx", args.recogniser + "-int8.onnx"
    theirs = tesseract(args.corpora)
    print("CER, median over the pages of a source\n\n| source | pages | Tesseract 5 | PP-OCRv6 small | ours, PP's boxes | ours, our boxes | both int8 | recall, ours |\n|---|---|---|---|---|---|---|---|")
    pair, pair8 = pairs["detector.onnx", fp32], pairs.get(("detector-int8.onnx", int8), {})
    for source, r in alone[fp32]["real"].items():
        t = f"{theirs[source]:.4f}" if source in theirs else "–"
        print(f"| {source} | {r['pages']} | {t} | {r['teacher_cer']:.4f} | {r['cer']:.4f} | {pair[source]['cer']:.4f} | {pair8.get(source, {}).get('cer', '–')} | {pair[source]['recall']:.4f} |")
    print(f"\nHeld-out fonts and texts, {alone[fp32]['held_out']['lines']} hard synthetic lines: fp32 {alone[fp32]['held_out']['cer']}, int8 {alone[int8]['held_out']['cer']}.")
    print(f"CPU ms a line on one busy core: fp32 {alone[fp32]['cpu_ms_a_line']}, int8 {alone[int8]['cpu_ms_a_line']}; a page (median kind of about 33 lines): fp32 {pair['cpu_ms_a_page']}, int8 {pair8.get('cpu_ms_a_page')}.")
    print("\n| source | PP's boxes | found | ours |\n|---|---|---|---|")
    for source in alone[fp32]["real"]:
        p = pair[source]
        print(f"| {source} | {p['teacher_boxes']} | {100 * p['found']:.1f}% | {p['boxes']} |")


if __name__ == "__main__":
    main()
