"""The detector on real pages: which of the teacher's line boxes it finds, and the error rate when our recogniser reads our boxes."""
import json
import time
from pathlib import Path

import cv2
import numpy as np

from . import detector, teacher
from .classical import ClassicalFinder
from .config import Alphabet, arguments, work_dir
from .confidence import confidence, is_noise
from .evaluate import Reader, aside, cut_pages, in_order, load_score, pages
from .preprocess import resize_line, tensor


class Finder:
    def __init__(self, path: Path):
        self.session, self.seconds, self.pages = teacher.session(path), 0.0, 0

    def boxes(self, gray: np.ndarray) -> list[np.ndarray]:
        x, sx, sy = detector.prepare(gray)
        start = time.process_time()
        maps = self.session.run(None, {"x": x})[0][0]
        self.seconds += time.process_time() - start
        self.pages += 1
        return detector.boxes_of(maps, sx, sy)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals."""
    common, _ = cv2.intersectConvexConvex(a, b)
    area = abs(cv2.contourArea(a)) + abs(cv2.contourArea(b)) - common
    return common / area if area > 0 else 0.0


def within(theirs: np.ndarray, ours: np.ndarray) -> bool:
    """Whether a line of ours of about the same height runs over nearly all of theirs: a leader, a gap or a bar that they part at."""
    common, _ = cv2.intersectConvexConvex(theirs, ours)
    return common > 0.75 * abs(cv2.contourArea(theirs)) and np.linalg.norm(ours[3] - ours[0]) < 1.6 * np.linalg.norm(theirs[3] - theirs[0])


def line_of(reader: Reader, alphabet: Alphabet, gray: np.ndarray) -> tuple[str, float]:
    logits = reader.logits(tensor(resize_line(gray))[None, None])[0]
    return alphabet.decode(logits.argmax(-1)), confidence(logits)


def legible(text: str, sure: float, alphabet: Alphabet) -> bool:
    """Whether the teacher read print of our alphabet here, rather than something into a stamp, a smear or handwriting."""
    return bool(text.strip()) and sure >= 0.8 and all(c == " " or c in alphabet.characters for c in text)


def main():
    parser = arguments(__doc__)
    parser.add_argument("detector", type=Path, help="a model, or the word `classical` for the baseline without learning")
    parser.add_argument("recogniser", type=Path)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--aside", action="store_true", help="the pages that nothing was chosen by")
    parser.add_argument("--details", type=Path, help="folder for pages with our boxes (red) and the teacher's (blue)")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    finder = ClassicalFinder() if args.detector.name == "classical" else Finder(args.detector)
    reader, score = Reader(args.recogniser, alphabet), load_score(args.corpora)
    those = aside if args.aside else pages
    result: dict = {}
    for page, (source, name, image, truth) in zip(cut_pages(args.corpora, those), those(args.corpora)):
        boxes = finder.boxes(image)
        best = [max((overlap(theirs, ours) for ours in boxes), default=0.0) for theirs in page["boxes"]]
        printed = {i for row, texts in zip(page["rows"], page["teacher"]) for i, text in zip(row, texts) if legible(text, page["sure"][i], alphabet)}
        rows = [[line_of(reader, alphabet, teacher.crop(image, boxes[i])) for i in row] for row in in_order(boxes)]
        text = "\n".join(" ".join(t for t, sure in row if not is_noise(t, sure)) for row in rows)
        cer, _, recall = score(truth, text) if truth.strip() else (np.nan, 0, np.nan)
        found = [b >= 0.5 for b in best]
        read = [f or any(within(theirs, ours) for ours in boxes) for f, theirs in zip(found, page["boxes"])]
        result.setdefault(source, []).append((sum(found), len(best), len(boxes), cer, recall, sum(found[i] for i in printed), len(printed), sum(read[i] for i in printed)))
        if args.details:
            args.details.mkdir(exist_ok=True)
            shown = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            for quads, colour in ((page["boxes"], (255, 0, 0)), (boxes, (0, 0, 255))):
                cv2.polylines(shown, [np.int32(q) for q in quads], True, colour, max(1, image.shape[0] // 700))
            scale = min(1, 1400 / max(image.shape))
            cv2.imwrite(str(args.details / f"{source.replace('/', '-')}-{name}-{cer:.4f}.png"), cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    summary = {s: dict(pages=len(r), teacher_boxes=sum(x[1] for x in r), found=round(sum(x[0] for x in r) / sum(x[1] for x in r), 4), legible=sum(x[6] for x in r),
                       legible_within=round(sum(x[7] for x in r) / sum(x[6] for x in r), 4), legible_found=round(sum(x[5] for x in r) / sum(x[6] for x in r), 4), boxes=sum(x[2] for x in r),
                       cer=round(float(np.nanmedian([x[3] for x in r])), 4), recall=round(float(np.nanmedian([x[4] for x in r])), 4)) for s, r in result.items()}
    summary["all"] = {k: sum(x[i] for r in result.values() for x in r) for i, k in ((7, "legible_within"), (1, "teacher_boxes"), (0, "found"), (6, "legible"), (5, "legible_found"))}
    summary["cpu_ms_a_page"] = dict(detector=round(1000 * finder.seconds / finder.pages, 1), recogniser=round(1000 * reader.seconds / finder.pages, 1))
    print(json.dumps(dict(detector=args.detector.name, recogniser=args.recogniser.name, pages=those.__name__, **summary), indent=1))
    with open(work_dir() / "evaluations.jsonl", "a") as f:
        f.write(json.dumps(dict(detector=args.detector.name, recogniser=args.recogniser.name, pages=those.__name__, **summary)) + "\n")


if __name__ == "__main__":
    main()
