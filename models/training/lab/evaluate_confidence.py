"""What a line's confidence is worth for routing doubtful lines and pages to a larger model.

Prints, for real pages, how confidence ranks lines and pages by their error, what the calibrated number says beside what is so, and
what error is left when the least sure lines are read by the teacher instead.
"""
import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from . import teacher
from .config import Alphabet, arguments, work_dir
from .confidence import confidence, fit, is_noise, probability
from .evaluate import Reader, cut_pages, in_order, load_score, pages
from .evaluate_detector import Finder
from .generate import load_or_make
from .preprocess import resize_line, tensor


def by_teacher(corpora: Path, detector: Path) -> list[list[list[str]]]:
    """The teacher's reading of our detector's boxes, row by row for each page; kept for each detector."""
    cache = work_dir() / f"teacher-{hashlib.sha256(detector.read_bytes()).hexdigest()[:12]}.pkl"
    if not cache.exists():
        finder, out = Finder(detector), []
        for _, _, image, _ in pages(corpora):
            boxes = finder.boxes(image)
            lines = [[teacher.crop(image, boxes[i]) for i in row] for row in in_order(boxes)]
            out.append((lines, [[teacher.read(line)[0] for line in row] for row in lines]))
        cache.write_bytes(pickle.dumps(out))
    return pickle.loads(cache.read_bytes())


def synthetic_lines(reader: Reader, alphabet: Alphabet, lines: int) -> tuple[np.ndarray, np.ndarray]:
    """Held-out fonts and texts: confidence of each line, and whether it was read without any error."""
    sure, right = [], []
    for bucket in load_or_make(alphabet, 7, "held_out", lines).values():
        for gray, classes in bucket:
            logits = reader.logits(tensor(gray)[None, None])[0]
            sure.append(confidence(logits))
            right.append(alphabet.decode(logits.argmax(-1)) == alphabet.decode(np.stack([classes, np.zeros_like(classes)], 1).ravel()))
    return np.array(sure), np.array(right, np.float64)


def main():
    parser = arguments(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--detector", type=Path, help="read this detector's boxes, as the program does, rather than the teacher's")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    reader, score = Reader(args.model, alphabet), load_score(args.corpora)
    ours = by_teacher(args.corpora, args.detector) if args.detector else None
    pages_read = []
    for number, page in enumerate(cut_pages(args.corpora)):
        rows = []
        for lines, theirs in zip(*(ours[number] if ours else (page["lines"], page["teacher"]))):
            read = []
            for line, text in zip(lines, theirs):
                logits = reader.logits(tensor(resize_line(line))[None, None])[0]
                mine, sure = alphabet.decode(logits.argmax(-1)), confidence(logits)
                if not (ours and is_noise(mine, sure)):
                    read.append((mine, sure, text))
            rows.append(read)
        pages_read.append((page["source"], page["name"], page["truth"], rows))
    flat = [line for _, _, _, rows in pages_read for row in rows for line in row]
    sure = np.array([c for _, c, _ in flat])
    wrong = np.array([Levenshtein.normalized_distance(mine, theirs) for mine, _, theirs in flat])
    made_sure, made_right = synthetic_lines(reader, alphabet, 1500)
    a, b = fit(made_sure, made_right)
    same = np.array([mine.replace(" ", "") == theirs.replace(" ", "") for mine, _, theirs in flat], np.float64)
    order = np.argsort(np.argsort(sure))
    curve = float((order[same == 1].mean() - order[same == 1].size / 2 + .5) / max(1, (same == 0).sum())) if 0 < same.mean() < 1 else 1.0
    result = dict(model=args.model.name, boxes=args.detector.name if args.detector else "teacher's", lines=len(flat), calibration=dict(a=round(a, 3), b=round(b, 3)),
                  synthetic=dict(right=round(float(made_right.mean()), 3), mean_raw=round(float(made_sure.mean()), 3), mean_calibrated=round(float(probability(made_sure, a, b).mean()), 3)),
                  real=dict(same_as_teacher=round(float(same.mean()), 3), mean_raw=round(float(sure.mean()), 3), mean_calibrated=round(float(probability(sure, a, b).mean()), 3)),
                  area_under_curve=round(curve, 4), by_confidence=[])
    for low, high in ((0, .4), (.4, .6), (.6, .7), (.7, .8), (.8, .9), (.9, .95), (.95, 1.01)):
        pick = (sure >= low) & (sure < high)
        if pick.any():
            result["by_confidence"].append(dict(confidence=f"{low}-{min(1, high)}", share=round(float(pick.mean()), 3), same=round(float(same[pick].mean()), 3), calibrated=round(float(probability(sure[pick], a, b).mean()), 3), differs_from_teacher=round(float(wrong[pick].mean()), 4)))
    for threshold in (0, .5, .6, .7, .75, .8, .85, .9, .95, 2):
        cer = {}
        for source, _, truth, rows in pages_read:
            text = "\n".join(" ".join(theirs if c < threshold else mine for mine, c, theirs in row) for row in rows)
            cer.setdefault(source, []).append(score(truth, text)[0])
        result[f"teacher_below_{threshold}"] = dict(share=round(float((sure < threshold).mean()), 3), **{s: round(float(np.median(v)), 4) for s, v in cer.items()})
    result["pages"] = []
    for source, name, truth, rows in pages_read:
        lines = [line for row in rows for line in row]
        weight = sum(len(t) for t, _, _ in lines) or 1
        text = "\n".join(" ".join(t for t, _, _ in row) for row in rows)
        result["pages"].append((name, round(sum(c * len(t) for t, c, _ in lines) / weight, 3), round(score(truth, text)[0], 4)))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
