"""The formula recogniser into models/shipped: both networks with weights in int8, how sure it may be, drafts, and the vectors by which Rust checks the contracts.

python -m lab.formula.ship weights/formula-3.pt

int8 ships only if it passes the gate: on held-out formulas of our own, clean and worn, it may not read worse than f32 by more than GATE (mean normalised edit distance).
"""
import argparse
import base64
import collections
import hashlib
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from rapidfuzz.distance import Levenshtein

from ..config import work_dir
from ..export import write_digests
from ..ship import SHIPPED
from .augment import worn
from .decode import OnnxSession, decode
from .evaluate import load
from .export import difference, write
from .generate import Shard
from .latex import CLASSES, decode as spell, dress, encode
from .preprocess import normalise, tensor

GATE = 0.005
ORDER, BITS = 4, 10  # of the table of drafts: `models/src/formula/draft.rs` reads it


def held_out(count: int):
    """Pictures with their tokens, by turns clean and worn."""
    shard = Shard(sorted((work_dir() / "formula-validation").glob("*.npz"))[0])
    for k, i in enumerate(np.random.default_rng(11).permutation(len(shard))[:count]):
        picture = shard.picture(i)
        yield (worn(picture, np.random.default_rng(i)) if k % 2 else picture), spell(shard.label(i))


def session(folder: Path) -> OnnxSession:
    return OnnxSession(folder / "formula-encoder.onnx", folder / "formula-decoder.onnx")


def read(reader: OnnxSession, samples):
    """Of each: mean log probability, share of tokens right."""
    out = []
    for picture, wanted in samples:
        x = tensor(picture)
        tokens, score = decode(reader, x) if x is not None else ([], -10.0)
        out.append((score, Levenshtein.normalized_similarity(tokens, wanted)))
    return np.array(out)


def rising(scores, shares, points: int = 8):
    """The rising curve nearest to the points (pool adjacent violators), by a few of its corners."""
    order = np.argsort(scores, kind="stable")
    blocks = [[share, 1, score] for score, share in zip(scores[order], shares[order])]
    pooled = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and pooled[-2][0] >= pooled[-1][0]:
            (a, n, x), (b, m, y) = pooled[-2:]
            pooled[-2:] = [[(a * n + b * m) / (n + m), n + m, (x * n + y * m) / (n + m)]]
    share, _, score = np.array(pooled).T
    picked = np.unique(np.linspace(0, len(score) - 1, points).round().astype(int))
    return [(round(float(score[k]), 4), round(float(share[k]), 4)) for k in picked]


def drafts(entries: int, often: int = 8, sure: float = 0.5) -> bytes:
    """What follows what in the formulas of training, as far as it is mostly the same and a shorter context does not say so already; the most useful."""
    following = [collections.defaultdict(collections.Counter) for _ in range(ORDER + 1)]
    for path in sorted((work_dir() / "formula-shards").glob("*.npz")):
        shard = Shard(path)
        for i in range(len(shard)):
            tokens = shard.label(i).tolist()
            for k in range(1, len(tokens)):
                for order in range(1, min(ORDER, k) + 1):
                    following[order][tuple(tokens[k - order:k])][tokens[k]] += 1
    said, kept = {}, []
    for order in range(1, ORDER + 1):
        for context, counts in following[order].items():
            (token, count), total = counts.most_common(1)[0], sum(counts.values())
            shorter = next((said[context[k:]] for k in range(1, order) if context[k:] in said), None)
            if total < often or count < sure * total:
                continue
            if shorter != token:
                kept.append((count - (counts[shorter] if shorter is not None else 0), context, token))
            said[context] = token
    packed = []
    for _, context, token in sorted(kept, reverse=True)[:entries]:
        key = 0
        for t in (*context, token):
            key = key << BITS | t
        packed.append(key)
    return np.array(sorted(packed), "<u8").tobytes()


def b64(picture) -> str:
    return base64.b64encode(cv2.imencode(".png", picture)[1]).decode()


def varied(picture, k: int):
    """Of five crops one light on dark, and one enlarged."""
    if k % 5 == 3:
        return 255 - picture
    return cv2.resize(picture, None, fx=2.2, fy=2.2, interpolation=cv2.INTER_CUBIC) if k % 5 == 4 else picture


def vectors(path: Path, reader: OnnxSession, cases: int):
    """Crops, what the encoder is given for them, and what is read, step by step. Crops that are there stay: only what is read of them is new."""
    out = []
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))["cases"]
        crops = [(cv2.imdecode(np.frombuffer(base64.b64decode(case["crop"]), np.uint8), cv2.IMREAD_GRAYSCALE), case["truth"].split(" ")) for case in known]
    else:
        crops = [(varied(picture, k), truth) for k, (picture, truth) in enumerate(held_out(cases))]
    for picture, truth in crops:
        tokens, score = decode(reader, tensor(picture))
        out.append(dict(crop=b64(picture), picture=b64(normalise(picture)), shape=list(tensor(picture).shape[2:]), tokens=encode(tokens), score=round(score, 5), latex=dress(tokens), truth=" ".join(truth)))
    path.write_text(json.dumps(dict(cases=out), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--formulas", type=int, default=240, help="for the gate and the calibration")
    parser.add_argument("--entries", type=int, default=16_000, help="of the table of drafts")
    parser.add_argument("--cases", type=int, default=24)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net, samples = load(args.weights), list(held_out(args.formulas))
    with tempfile.TemporaryDirectory() as folder:
        write(net, Path(folder), {"run": args.weights.stem}, small=False)
        assert difference(net, Path(folder)) < 1e-3, "the export computes something else"
        f32 = read(session(Path(folder)), samples)
    write(net, SHIPPED, {"run": args.weights.stem})
    int8 = read(session(SHIPPED), samples)
    worse = f32[:, 1].mean() - int8[:, 1].mean()
    print(json.dumps({"edit, f32": round(1 - f32[:, 1].mean(), 4), "edit, int8": round(1 - int8[:, 1].mean(), 4), "exact, int8": round((int8[:, 1] == 1).mean(), 3)}))
    assert worse <= GATE, f"int8 reads worse by {worse:.4f} than f32: it does not ship"
    curve = rising(int8[:, 0], int8[:, 1])
    (SHIPPED / "formula-confidence.json").write_text(json.dumps(dict(
        says="mean log probability of a reading's tokens -> expected share of right tokens, rising, linear in between; the same points are in the decoder's metadata",
        formulas=len(int8), points=curve), indent=1) + "\n")
    path = SHIPPED / "formula-decoder.onnx"
    model = onnx.load(path)
    model.metadata_props.add(key="confidence", value="\n".join(f"{x} {y}" for x, y in curve))
    onnx.save(model, path)
    write_digests(SHIPPED)
    (SHIPPED / "formula-drafts.bin").write_bytes(drafts(args.entries))
    (SHIPPED / "formula-tokens.txt").write_text("".join(" ".join([name, *members]) + "\n" for name, members in CLASSES.items()), encoding="utf-8")
    vectors(SHIPPED / "vectors" / "formula.json", session(SHIPPED), args.cases)
    for path in sorted(SHIPPED.rglob("formula*")):
        print(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(SHIPPED))


if __name__ == "__main__":
    main()
