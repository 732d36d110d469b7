"""How sure the recogniser is, and what that is worth: the numbers behind routing doubtful lines and pages to a larger model.

A line's confidence: p is the softmax's largest value at a step; over the steps whose best class is not blank, m is the mean of ln p
and w the mean of ln p over the least sure twentieth (at least one) of all steps; confidence = exp((m + w) / 2); 0 without text.
A page's is the mean over its lines weighted by their characters. This prints, for real pages, how confidence ranks lines and
pages by their error, and how many errors remain when the least sure lines are read by the teacher instead.
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
    top = logits.max(-1)
    ln_p = -np.log(np.exp(logits - top[:, None]).sum(-1))
    seen = logits.argmax(-1) != BLANK
    if not seen.any():
        return 0.0
    worst = np.sort(ln_p)[:max(1, len(ln_p) // 20)]
    return float(np.exp((ln_p[seen].mean() + worst.mean()) / 2))


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
    for low, high in ((0, .3), (.3, .5), (.5, .7), (.7, .8), (.8, .9), (.9, .95), (.95, 1.01)):
        pick = (sure >= low) & (sure < high)
        if pick.any():
            result["by_confidence"].append(dict(confidence=f"{low}-{min(1, high)}", share=round(float(pick.mean()), 3), differs_from_teacher=round(float(wrong[pick].mean()), 4)))
    for threshold in (0, .3, .5, .6, .7, .8, .9, 2):
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
