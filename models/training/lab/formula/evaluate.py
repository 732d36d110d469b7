"""How well a formula recogniser reads, on formulas that nothing was trained or chosen by.

python -m lab.formula.evaluate WEIGHTS.pt --corpora DIR [--beam 3] [--rendered]     # DIR/formula/{im2markup,texteller}/*.png + .tex
python -m lab.formula.evaluate ENCODER.onnx DECODER.onnx --corpora DIR
python -m lab.formula.evaluate WEIGHTS.pt --validation 500                          # our own held-out formulas

Exact: the canonical tokens are the same. Edit: token edits over the longer length, mean. BLEU-4 of the set. Parses: share of outputs that the grammar accepts
and `canonical(dress(output))` repeats. Rendered: both set again by LaTeX and compared as pictures. A truth that the vocabulary cannot say counts as read wrongly.
"""
import argparse
import collections
import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from rapidfuzz.distance import Levenshtein

from ..config import work_dir
from .decode import OnnxSession, TorchSession, decode
from .generate import Shard
from .latex import TOKEN, VOCABULARY, Unsupported, canonical, decode as spell, dress, parses
from .model import build
from .preprocess import tensor

BANDS = ((0, 15), (16, 35), (36, 60), (61, 10 ** 6))


def load(path: Path):
    state = torch.load(path, map_location="cpu")
    weights = state.get("weights") or state["average"]
    assert state.get("vocabulary", VOCABULARY) == VOCABULARY, "the vocabulary has changed"
    net = build(state["tier"])
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return net.eval()


def truth(source: str):
    """Canonical tokens, or None. A comment sign around the whole source is an accident of the list."""
    try:
        return canonical(source.strip().strip("%"))
    except Unsupported:
        return None


def bleu(pairs) -> float:
    matched, total, ours, theirs = [0] * 4, [0] * 4, 0, 0
    for read, wanted in pairs:
        ours, theirs = ours + len(read), theirs + len(wanted)
        for n in range(4):
            a, b = (collections.Counter(tuple(t[i:i + n + 1]) for i in range(len(t) - n)) for t in (read, wanted))
            matched[n] += sum(min(c, b[g]) for g, c in a.items())
            total[n] += max(0, len(read) - n)
    if not all(matched):
        return 0.0
    return math.exp(min(0, 1 - theirs / max(1, ours)) + sum(math.log(m / t) for m, t in zip(matched, total)) / 4)


def same_pictures(pairs) -> list[bool]:
    """Whether two token lists look the same when LaTeX sets them."""
    from .render import render, settable
    pictures = render([settable(dress(t)) if t else "x" for pair in pairs for t in pair], "lm", 200)
    out = []
    for k in range(len(pairs)):
        a, b = pictures.get(2 * k), pictures.get(2 * k + 1)
        same = a is not None and b is not None and a.shape == b.shape and int(np.abs(a.astype(int) - b).max()) < 32
        out.append(same)
    return out


def report(name, results, rendered):
    pairs = [(read, wanted) for read, wanted, _ in results if wanted is not None]
    looks = dict(zip([id(p) for p in pairs], same_pictures(pairs))) if rendered and pairs else {}
    summary = {"set": name, "formulas": len(results), "unsupported": len(results) - len(pairs)}
    right = [r == w for r, w in pairs]
    distance = [Levenshtein.normalized_distance(r, w) for r, w in pairs] + [1.0] * (len(results) - len(pairs))
    summary |= {"exact": round(sum(right) / len(results), 3), "edit": round(float(np.mean(distance)), 3), "median edit": round(float(np.median(distance)), 3), "bleu": round(bleu(pairs), 3),
                "parses": round(np.mean([parses(r) for r, _, _ in results]), 3), "milliseconds": round(1000 * float(np.median([t for _, _, t in results])), 1)}
    if rendered:
        summary["rendered"] = round(sum(looks.values()) / len(results), 3)
    for low, high in BANDS:
        part = [(p, d) for p, d in zip(pairs, distance) if low <= len(p[1]) <= high]
        if part:
            summary[f"{low}-{high if high < 10 ** 6 else ''} tokens"] = {"formulas": len(part), "exact": round(np.mean([p[0] == p[1] for p, _ in part]), 3), "edit": round(float(np.mean([d for _, d in part])), 3)} | (
                {"rendered": round(np.mean([looks[id(p)] for p, _ in part]), 3)} if rendered else {})
    print(json.dumps(summary), flush=True)
    return summary


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--corpora", type=Path)
    parser.add_argument("--validation", type=int)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--free", action="store_true", help="without the grammar")
    parser.add_argument("--paper", action="store_true", help="paper around the picture, to 160 rows and 1.4 times the width: what formula-1 was used to from unmasked batches")
    parser.add_argument("--rendered", action="store_true")
    parser.add_argument("--show", type=int, default=0, help="print so many readings")
    args = parser.parse_args()
    torch.set_num_threads(1)
    session = OnnxSession(*args.models) if len(args.models) == 2 else TorchSession(load(args.models[0]))
    sets = {}
    if args.corpora:
        for name in ("im2markup", "texteller"):
            sets[name] = [(cv2.imread(str(p), cv2.IMREAD_GRAYSCALE), truth(p.with_suffix(".tex").read_text(encoding="utf-8"))) for p in sorted((args.corpora / "formula" / name).glob("*.png"))]
    if args.validation:
        from .augment import worn
        shard = Shard(sorted((work_dir() / "formula-validation").glob("*.npz"))[0])
        ids = np.random.default_rng(7).permutation(len(shard))[:args.validation]
        sets["validation"] = [(shard.picture(i), spell(shard.label(i))) for i in ids]
        sets["validation, worn"] = [(worn(shard.picture(i), np.random.default_rng(i)), spell(shard.label(i))) for i in ids]
    for name, samples in sets.items():
        results = []
        for picture, wanted in samples:
            began = time.process_time()
            x = tensor(picture)
            if args.paper and x is not None:
                h, w = x.shape[2:]
                x = np.pad(x, ((0, 0), (0, 0), (0, max(0, 160 - h)), (0, min(1008, (int(w * 1.4) + 79) // 16 * 16) - w)))
            read = decode(session, x, args.beam, constrained=not args.free)[0] if x is not None else []
            results.append((read, wanted, time.process_time() - began))
        for read, wanted, _ in results[:args.show]:
            print("=" if read == wanted else "read  ", " ".join(read))
            if read != wanted:
                print("wanted", " ".join(wanted or ["(unsupported)"]))
        summary = report(name, results, args.rendered)
        with open(work_dir() / "formula-evaluations.jsonl", "a") as log:
            log.write(json.dumps({"models": [p.name for p in args.models], "beam": args.beam, **summary}) + "\n")


if __name__ == "__main__":
    main()
