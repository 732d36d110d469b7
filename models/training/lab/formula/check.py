"""Checks of what the lab promises, without a trained net; and test vectors for whoever writes the same in another language.

python -m lab.formula.check [--vectors FILE.json]
"""
import argparse
import json
import random
from pathlib import Path

import cv2
import numpy as np
import torch

from .grammar import Writer
from .latex import VOCABULARY, Grammar, Unsupported, canonical, dress, encode, parses
from .model import build
from .preprocess import ink, measure, normalise, padded, tensor

SPELLINGS = [  # what looks alike is spelled alike
    (r"{a\over b}", r"\frac{a}{b}"), (r"x_i^2", r"x^{2}_{i}"), (r"\left( x \right)", r"(x)"), (r"f'", r"f^{\prime}"), (r"\mathrm{sin} x", r"\sin x"), (r"a \, b", "ab"), (r"\begin{pmatrix} a & b \end{pmatrix}", r"(\begin{array}{cc} a & b \end{array})"),
    (r"\overline{x}", r"\bar x"), (r"{\bf x}", r"\mathbf{x}"), (r"x \to y", r"x \rightarrow y"), (r"\begin{align*} a &= b \\ c &= d \end{align*}", r"\begin{eqnarray} a & = & b \\ c & = & d \end{eqnarray}"), (r"\text{if } x", r"\mathrm{if}~x"),
    (r"\sqrt[3]{x}", r"\root 3 \of x"), (r"a \not= b", r"a \neq b"), (r"\stackrel{\sim}{\to}", r"\overset{\sim}{\rightarrow}"), (r"\sum\limits_{i}", r"\sum_i"), (r"x \eqno (3.1)", r"x \tag{3.1}"), (r"{n \choose k}", r"\binom{n}{k}"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path)
    args = parser.parse_args()
    for a, b in SPELLINGS:
        assert canonical(a) == canonical(b), (a, canonical(a), canonical(b))
    rng, count, vectors = random.Random(1), 0, []
    writer = Writer(rng)
    while count < 500:
        source = writer.formula()
        try:
            tokens = canonical(source)
        except Unsupported:
            continue
        assert parses(tokens) and canonical(dress(tokens)) == tokens, source
        count += 1
        if count % 8 == 0 and len(tokens) < 90:
            vectors.append({"latex": source, "tokens": tokens, "numbers": encode(tokens), "dressed": dress(tokens)})
    # a random walk that obeys the grammar ends, wherever it is cut off, with a formula that parses and can be read again
    for _ in range(300):
        grammar, tokens = Grammar(), []
        for _ in range(rng.randint(0, 60)):
            token = rng.choice([t for t in VOCABULARY if grammar.allows(t) and t != "<end>"] or ["<end>"])
            if token == "<end>":
                break
            grammar.step(token)
            tokens.append(token)
        tokens += grammar.closing()
        assert parses(tokens), tokens
        dress(tokens)
    page = np.full((900, 700), 240, np.uint8)
    cv2.putText(page, "x+y=z", (200, 400), cv2.FONT_HERSHEY_COMPLEX, 1.5, 20, 2)
    size, box = measure(ink(page))
    assert 150 < box[0] < 215 and 340 < box[1] < 400 and size > 15, (size, box)
    assert np.abs(tensor(page) - tensor(page[300:450, 150:600])).max() < 1e-6, "the crop's margin does not matter"
    assert np.abs(tensor(page) - tensor(255 - page)).max() < 0.02, "nor does white on black"
    assert tensor(np.full((50, 50), 255, np.uint8)) is None
    torch.manual_seed(0)
    net, pictures = build("tiny").eval(), [normalise(page[300:450, 150:600]), normalise(page[300:450, 150:330])]
    together = torch.from_numpy(padded(pictures)).float() / 255
    alone = [torch.from_numpy(padded([p])).float() / 255 for p in pictures]
    tokens = torch.randint(2, len(VOCABULARY), (2, 7))
    with torch.no_grad():
        logits, _ = net(together, tokens, torch.tensor([[a.shape[2] // 8, a.shape[3] // 8] for a in alone]))
        for k, a in enumerate(alone):
            assert (net(a, tokens[k:k + 1])[0][0] - logits[k]).abs().max() < 1e-4, "a picture reads the same alone and in a batch"
    if args.vectors:
        args.vectors.write_text(json.dumps(vectors, ensure_ascii=False, indent=0), encoding="utf-8")
    print("all well;", len(vectors), "vectors")


if __name__ == "__main__":
    main()
