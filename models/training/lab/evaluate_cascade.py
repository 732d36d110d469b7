"""What it is worth to have doubtful lines read again by a larger recogniser: errors left and lines asked again, by the limit of doubt.

Lines are those that the detector finds, on the corpora's pages and on folders of pages with their truth beside them (`--pages`). A line's errors are counted
against the stretch of its page's truth that is most like it, so that the order of lines plays no part. The last columns say how many errors each further
second reading takes away: where that falls below what a line costs, the limit lies.
"""
import hashlib
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from . import teacher
from .config import Alphabet, arguments, work_dir
from .confidence import confidence, is_noise
from .evaluate import Reader, load_normalise, pages
from .evaluate_detector import Finder
from .preprocess import resize_line, tensor

LIMITS = (0, .3, .4, .5, .6, .65, .7, .75, .8, .85, .9, .93, .95, .97, .98, .99, 2)
LEAST_LENGTH = 4  # of lines that are counted: shorter ones are found anywhere on a page


def in_folders(folders: list[Path]):
    """(source, name, gray page, truth) of pages beside which their truth lies."""
    for folder in folders:
        for path in sorted(folder.rglob("*.truth.txt")):
            image = path.with_name(path.name.removesuffix(".truth.txt") + ".png")
            yield f"{folder.name}/{image.parent.name}", image.stem, np.array(Image.open(image).convert("L")), path.read_text()


def cut(those, detector: Path, cache: str) -> list[tuple]:
    """(source, name, truth, crops of 32 rows) of each page; kept for each detector."""
    kept = work_dir() / f"lines-{cache}-{hashlib.sha256(detector.read_bytes()).hexdigest()[:12]}.pkl"
    if not kept.exists():
        finder = Finder(detector)
        crops = lambda image: [resize_line(teacher.crop(image, box)) for box in finder.boxes(image)]
        kept.write_bytes(pickle.dumps([(source, name, truth, crops(image)) for source, name, image, truth in those]))
    return pickle.loads(kept.read_bytes())


def errors(line: str, page: np.ndarray) -> int:
    """Least edits from a line to any stretch of a page, given by its code points."""
    along, row = np.arange(len(page) + 1), np.zeros(len(page) + 1, np.int64)
    for character in line:
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (page != ord(character)))
        # what is left out of the page: from any place before, one edit a character
        row = np.minimum.accumulate(best - along) + along
    return int(row.min())


def main():
    parser = arguments(__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="recognisers, the smaller ones first; every one is tried before each later one")
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="folders with a.png and a.truth.txt")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    normalise = load_normalise(args.corpora)
    cut_pages = cut(pages(args.corpora), args.detector, "corpora")
    if args.pages:
        cut_pages = cut_pages + cut(in_folders(args.pages), args.detector, "-".join(folder.name for folder in args.pages))
    readers = [Reader(path, alphabet) for path in args.models]
    sources, length, sure, wrong = [], [], [], []
    for source, _, truth, crops in cut_pages:
        page = np.array([ord(c) for c in normalise(truth)])
        for crop in crops:
            x = tensor(crop)[None, None]
            logits = [reader.logits(x)[0] for reader in readers]
            # the truth has no hyphens at line ends
            texts = [normalise(alphabet.decode(one.argmax(-1))).removesuffix("-") for one in logits]
            if min(map(len, texts)) < LEAST_LENGTH or is_noise(texts[0], confidence(logits[0])):
                continue
            sources.append(source)
            length.append(len(texts[0]))
            sure.append([confidence(one) for one in logits])
            wrong.append([errors(text, page) for text in texts])
    sources, length, sure, wrong = map(np.array, (sources, length, sure, wrong))
    # a picture, another script, or a line over two columns, is nobody's error
    read = wrong.min(1) < 0.15 * length
    sources, length, sure, wrong = sources[read], length[read], sure[read], wrong[read]
    kinds = sorted(set(sources))
    rate = lambda values, kind: values[sources == kind].sum() / length[sources == kind].sum()
    print(f"{len(sources)} lines, {length.sum()} characters")
    print("| read by | ms a line | " + " | ".join(kinds) + " | all |")
    for i, model in enumerate(args.models):
        print(f"| {model.stem} | {1000 * readers[i].seconds / readers[i].lines:.2f} | " + " | ".join(f"{rate(wrong[:, i], kind):.4f}" for kind in kinds) + f" | {wrong[:, i].sum() / length.sum():.5f} |")
    for first in range(len(readers)):
        for second in range(first + 1, len(readers)):
            print(f"\n{args.models[first].stem}, then {args.models[second].stem}\n| under | lines | characters | " + " | ".join(kinds) + " | all | errors a further 1,000 characters |")
            before = None
            for limit in LIMITS:
                again = sure[:, first] < limit
                better = again & (sure[:, second] > sure[:, first])
                left = np.where(better, wrong[:, second], wrong[:, first])
                gain = "" if before is None else f"{1000 * (before[0] - left.sum()) / max(1, length[again].sum() - before[1]):.2f}"
                before = left.sum(), length[again].sum()
                print(f"| {limit} | {again.mean():.3f} | {length[again].sum() / length.sum():.3f} | " + " | ".join(f"{rate(left, kind):.4f}" for kind in kinds) + f" | {left.sum() / length.sum():.5f} | {gain} |")


if __name__ == "__main__":
    main()
