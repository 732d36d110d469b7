"""Train the network that says where in a line formulas stand, and ship it.

python -m lab.formula.train_inline --run inline-0 --first 0 --count 400 --cpu-minutes 40     # resumable, as every run
python -m lab.formula.train_inline --run inline-0 --report
python -m lab.formula.train_inline --run inline-0 --ship

A small recogniser of one class (`nets.py`, tier `inline`) on the recogniser's own input; binary cross-entropy of each step. A third of the lines are of documents
with formulas, the others are plain, of any font.
"""
import random

import numpy as np
import torch

from ..config import ROOT, Alphabet, arguments
from ..evaluate_detector import Finder
from ..export import write as export, write_digests
from ..nets import build, parameters
from ..preprocess import STRIDE, tensor
from ..quantise import calibration_lines, quantise
from ..runs import Run, load, schedule_arguments
from .inline import plain_shard, shard

PIXELS = 14_000  # of width in a step


class Lines:
    """All lines, in batches of about the same width; which, follows from the step's number."""

    def __init__(self, alphabet: Alphabet, finder: Finder, first: int, count: int):
        seeds = range(first, first + count)
        self.lines = [line for seed in seeds for line in shard(seed, alphabet, finder, False)]
        self.lines += [line for seed in seeds if seed % 2 == 0 for line in plain_shard(seed // 2, alphabet, False)]
        self.epoch, self.batches = 0, self.shuffled(0)
        self.count = len(self.batches)

    def shuffled(self, epoch: int):
        rng, batches, batch, width = random.Random(epoch), [], [], 0
        for i in sorted(range(len(self.lines)), key=lambda i: self.lines[i][0].shape[1] + 60 * rng.random()):
            batch.append(i)
            width += self.lines[i][0].shape[1]
            if width > PIXELS:
                batches.append(batch)
                batch, width = [], 0
        rng.shuffle(batches)
        return batches

    def batch(self, step: int):
        """Tensor [n, 1, 32, w], labels and weights [n, w / 4]."""
        epoch, at = divmod(step, self.count)
        if epoch != self.epoch:
            self.epoch, self.batches = epoch, self.shuffled(epoch)
        chosen = [self.lines[i] for i in self.batches[at % len(self.batches)]]
        width = -(-max(line.shape[1] for line, _ in chosen) // 32) * 32 + 32
        x = torch.from_numpy(np.stack([tensor(line, width) for line, _ in chosen]))[:, None]
        y, weight = torch.zeros(len(chosen), width // STRIDE), torch.zeros(len(chosen), width // STRIDE)
        for row, (_, label) in enumerate(chosen):
            y[row, :len(label)] = torch.from_numpy(label.astype(np.float32))
            weight[row, :len(label)] = 1
        return x, y, weight


@torch.no_grad()
def report(net, alphabet: Alphabet, finder: Finder, recogniser: str, held_out: int):
    """Steps at which the recogniser sees a character, in formulas and beside them, on lines that nobody learnt from."""
    reader, _, _ = load(recogniser)
    for name, found in (("with formulas", [line for seed in range(held_out) for line in shard(seed, alphabet, finder, True)]),
                        ("plain", [line for seed in range(held_out // 2) for line in plain_shard(seed, alphabet, True)])):
        sure, truth = [], []
        for line, label in found:
            x = torch.from_numpy(tensor(line)[None, None])
            said = reader(x)[0, :len(label)].argmax(-1) > 1
            sure.append(torch.sigmoid(net(x)[0, :len(label), 0])[said])
            truth.append(torch.from_numpy(label)[said])
        p, y = torch.cat(sure), torch.cat(truth)
        for limit in (0.3, 0.5, 0.7, 0.9):
            on = p > limit
            print(f"{name}, {limit}: of {int(y.sum())} characters in formulas found {float((on & y).sum() / y.sum()):.3f}, of {int((~y).sum())} others taken {float((on & ~y).sum() / (~y).sum()):.4f}")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--recogniser", default="fast-5", help="whose characters the report counts")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--ship", action="store_true")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    shipped = ROOT.parent / "shipped"
    finder = Finder(shipped / "detector.onnx")
    if args.report or args.ship:
        net, _, state = load(args.run)
        if args.report:
            report(net, alphabet, finder, args.recogniser, args.held_out)
        if args.ship:
            path = shipped / "formula-inline.onnx"
            export(net, path, {"run": args.run, "step": str(state["step"])})
            quantise(path, path.with_name("formula-inline-int8.onnx"), calibration_lines(alphabet, 600))
            write_digests(shipped)
        return
    net = build("inline", 1).train()
    run = Run(args.run, net, args.rate, dict(tier="inline", alphabet=alphabet.name))
    lines = Lines(alphabet, finder, args.first, args.count)
    run.log(event="start", parameters=parameters(net), lines=len(lines.lines), args={k: str(v) for k, v in vars(args).items()})
    while (progress := run.progress(args)) < 1:
        x, y, weight = lines.batch(run.step)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x)[:, :, 0], y, reduction="none")
        run.learn((loss * weight).sum() / weight.sum(), progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
