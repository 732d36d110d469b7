"""How sure the recogniser is, and what that is worth: the numbers behind routing doubtful lines and pages to a larger model.

A character's confidence is the softmax's largest value over the steps of its run on the best path (spaces count as characters).
A line's is the geometric mean over its three least sure characters (all, if there are fewer); 0 without text. It told wrong lines
from right ones better (area under the curve .93 on our real pages) than the mean over all characters (.91), the least sure
character (.92) or any mean over steps (.79 to .85). A page's is the mean over its lines, weighted by their characters.
This prints, for real pages, how confidence ranks lines and pages by their error, and what error is left when the least sure
lines are read by the teacher instead.
"""
import json
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from .config import BLANK, Alphabet, arguments
from .evaluate import Reader, cut_pages, load_score
from .preprocess import resize_line, tensor


def confidence(logits: np.ndarray) -> float:
    """logits [steps, classes]"""
    best, top = logits.argmax(-1), logits.max(-1)
    p = 1 / np.exp(logits - top[:, None]).sum(-1)
    characters, last = [], BLANK
    for c, value in zip(best, p):
        if c != BLANK:
            if c == last:
                characters[-1] = max(characters[-1], value)
            else:
                characters.append(value)
        last = c
    least = np.sort(characters)[:3]
    return float(np.exp(np.log(least).mean())) if len(least) else 0.0


def main():
    parser = arguments(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpora", type=Path, required=True)
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    reader, score = Reader(args.model, alphabet), load_score(args.corpora)
    pages = []
    for page in cut_pages(args.corpora):
        rows = []
        for lines, theirs in zip(page["lines"], page["teacher"]):
            read = []
            for line, text in zip(lines, theirs):
                logits = reader.logits(tensor(resize_line(line))[None, None])[0]
                read.append((alphabet.decode(logits.argmax(-1)), confidence(logits), text))
            rows.append(read)
        pages.append((page["source"], page["name"], page["truth"], rows))
    flat = [line for _, _, _, rows in pages for row in rows for line in row]
    sure = np.array([c for _, c, _ in flat])
    wrong = np.array([Levenshtein.normalized_distance(mine, theirs) for mine, _, theirs in flat])
    result = dict(model=args.model.name, lines=len(flat), by_confidence=[])
    for low, high in ((0, .4), (.4, .6), (.6, .7), (.7, .8), (.8, .9), (.9, .95), (.95, 1.01)):
        pick = (sure >= low) & (sure < high)
        if pick.any():
            result["by_confidence"].append(dict(confidence=f"{low}-{min(1, high)}", share=round(float(pick.mean()), 3), differs_from_teacher=round(float(wrong[pick].mean()), 4)))
    for threshold in (0, .5, .6, .7, .75, .8, .85, .9, .95, 2):
        cer = {}
        for source, _, truth, rows in pages:
            text = "\n".join(" ".join(theirs if c < threshold else mine for mine, c, theirs in row) for row in rows)
            cer.setdefault(source, []).append(score(truth, text)[0])
        result[f"teacher_below_{threshold}"] = dict(share=round(float((sure < threshold).mean()), 3), **{s: round(float(np.median(v)), 4) for s, v in cer.items()})
    result["pages"] = []
    for source, name, truth, rows in pages:
        lines = [line for row in rows for line in row]
        weight = sum(len(t) for t, _, _ in lines) or 1
        text = "\n".join(" ".join(t for t, _, _ in row) for row in rows)
        result["pages"].append((name, round(sum(c * len(t) for t, c, _ in lines) / weight, 3), round(score(truth, text)[0], 4)))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
