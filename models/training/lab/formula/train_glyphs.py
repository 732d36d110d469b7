"""Train the network that says which symbol a part of a formula's picture is of.

python -m lab.formula.train_glyphs --run symbols-3 --init symbols-2 --first 0 --count 60 --deadline 21:40     # resumable, as every run
python -m lab.formula.train_glyphs --run symbols-2 --report

Cross-entropy of the class, and of em and baseline how far they are off. Which classes there are follows from the shards: those seen LEAST times; rarer ones count as
what cannot be read.
"""
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ..config import ROOT, Alphabet, arguments, work_dir
from ..export import write as export
from ..nets import build, parameters
from ..quantise import quantise
from ..runs import Run, load, schedule_arguments
from .glyphs import BAR, HELD_OUT, SEVERAL

LEAST = 40
BATCH = 256
NUMBERS = 2
CUT = 10_000  # from this page number on, halves of parts


def shards(first: int, count: int):
    for seed in range(first, first + count):
        path = work_dir() / "glyphs" / f"{seed:06d}.npz"
        if path.exists():
            yield np.load(path)


# What looks the same is one class. Dots in a row come one by one in some fonts and together in others.
SAME = {"µ": "μ", "\u2126": "Ω", "∆": "Δ", "ℎ": "h", "\u0302": "ˆ", "^": "ˆ", "\u0303": "˜", "\u0304": "¯", "ˉ": "¯", "\u0307": "˙", "⋅": "·", "∙": "·", "∥": "‖", "∶": ":", "∕": "/", "∑\ufe01": "∑", "∑︁": "∑", "◦": "∘", "⋯": "·", "…": ".",
        "∖": "\\", "∣": "|", "〈": "⟨", "〉": "⟩", "∏︁": "∏", "*": "∗", "\u030c": "ˇ", "\u0306": "˘", "\u0308": "¨", "\u0301": "´", "\u0300": "`"}
SINGLE = (".", "·")


def class_of(name: str) -> str:
    if " " not in name:
        return name
    text, letters = name.rsplit(" ", 1)
    text = SAME.get(text, text)
    return f"{text} {letters if text.isalnum() else 'Plain'}"


def named(shard):
    """The class of each part. Dots of letters are accents of their stems."""
    names = np.array([class_of(str(name)) for name in shard["names"]], dtype=object)[shard["labels"]]
    where, key = shard["where"].astype(np.float32), shard["page"].astype(np.int64) * 1000 + shard["group"]
    dotted = np.flatnonzero([name[0] in "ij" and name[1] == " " for name in names])
    tops, bottoms = {}, {}
    for i in dotted:
        tops[key[i]] = min(tops.get(key[i], 1e9), where[i, 1])
        bottoms[key[i]] = max(bottoms.get(key[i], -1e9), where[i, 3])
    for i in dotted:
        if shard["page"][i] >= CUT:
            continue
        height = bottoms[key[i]] - tops[key[i]]
        if where[i, 3] < tops[key[i]] + 0.45 * height:
            names[i] = "˙ Plain"
    return names


class Parts:
    def __init__(self, first: int, count: int, classes=None, extends=False):
        data = list(shards(first, count))
        self.names = np.concatenate([named(shard) for shard in data])
        self.classes = classes or [SEVERAL]
        if extends or not classes:
            counts = Counter(self.names)
            self.classes = [*self.classes, *sorted(name for name, n in counts.items() if n >= LEAST and name not in self.classes and "\ufffd" not in name)]
        index = {name: i for i, name in enumerate(self.classes)}
        # one shard at a time: together they are gigabytes
        lengths = [len(shard["labels"]) for shard in data]
        self.pictures = np.empty((sum(lengths), *data[0]["pictures"].shape[1:]), np.uint8)
        for shard, end, length in zip(data, np.cumsum(lengths), lengths):
            self.pictures[end - length:end] = shard["pictures"]
        self.labels = np.array([index.get(name, 0) for name in self.names])
        self.numbers = np.concatenate([shard["numbers"][:, :NUMBERS] for shard in data])

    def weights(self):
        counts = np.bincount(self.labels, minlength=len(self.classes)).astype(np.float64)
        weight = counts[self.labels] ** -0.5
        return np.cumsum(weight / weight.sum())


def described(first: int, count: int, classes) -> str:
    """Of each class a line: its name, the parts it has at most (of one in twenty), and its usual width and height in ems."""
    found = {name: ([], [], []) for name in classes}
    for shard in shards(first, count):
        names, numbers, where = named(shard), shard["numbers"], shard["where"].astype(np.float32)
        key = shard["page"].astype(np.int64) * 1000 + shard["group"]
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        for members in np.split(order, starts[1:]):
            if shard["page"][members[0]] >= CUT:
                continue
            if {"i", "j"} & {names[m].split(" ")[0] for m in members}:
                members = np.array([m for m in members if names[m][0] != "˙"])
            name = names[members[0]]
            if name not in found or np.isnan(numbers[members[0], 0]):
                continue
            em = numbers[members[0], 2] * 2 ** numbers[members[0], 0]
            box = where[members]
            found[name][0].append(len(members))
            found[name][1].append((box[:, 2].max() - box[:, 0].min()) / em)
            found[name][2].append((box[:, 3].max() - box[:, 1].min()) / em)
    def line(name):
        if name in (SEVERAL, BAR):
            return name
        count, width, height = (values or [1] for values in found[name])
        most = 1 if name.split(" ")[0] in SINGLE else int(np.percentile(count, 95, method="lower"))
        return f"{name} {most} {np.percentile(width, 90):.2f} {np.percentile(height, 90):.2f}"
    return "\n".join(line(name) for name in classes)


def calibration(parts: Parts):
    """Parts one formula's worth at a time."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        x, _, _ = tensors(parts, rng.integers(0, len(parts.labels), 16))
        yield x.contiguous().numpy()


def export_to(folder, run: str, first: int, count: int):
    net, _, state = load(run)
    classes = classes_of(run)
    metadata = {"run": run, "step": str(state["step"]), "symbols": described(first, count, classes)}
    # As good in int8 and twice as fast, and so shipped in int8 alone.
    with tempfile.TemporaryDirectory() as work:
        whole = Path(work) / "f32.onnx"
        export(net, whole, metadata, torch.zeros(1, 5, 32, 32))
        quantise(whole, folder / "formula-symbols.onnx", calibration(Parts(first, min(count, 8), classes)))


def classes_of(run: str) -> list:
    """Of a run of this machine, or of one whose weights lie in weights/."""
    path = work_dir() / "runs" / run / "classes.json"
    return json.loads((path if path.exists() else ROOT / "weights" / f"{run}.json").read_text())


def tensors(parts: Parts, chosen):
    x = torch.from_numpy(parts.pictures[chosen]).float().div_(255).contiguous(memory_format=torch.channels_last)
    return x, torch.from_numpy(parts.labels[chosen]), torch.from_numpy(parts.numbers[chosen])


def widened(old: dict, new: dict, known: int) -> dict:
    """The weights of a network of fewer classes in the place of those of one of more: its classes first, the numbers last."""
    for key, values in old.items():
        if key.startswith("head."):
            new[key][:known], new[key][-NUMBERS:] = values[:known], values[-NUMBERS:]
        else:
            new[key] = values
    return new


@torch.no_grad()
def report(net, classes, first, count):
    parts = Parts(first, count, classes)
    out = []
    for at in range(0, len(parts.labels), 1024):
        x, _, _ = tensors(parts, np.arange(at, min(at + 1024, len(parts.labels))))
        out.append(net(x)[:, 0])
    out = torch.cat(out)
    logits, numbers = out[:, :-NUMBERS], out[:, -NUMBERS:]
    said, sure = logits.argmax(-1).numpy(), logits.softmax(-1).max(-1).values.numpy()
    right = said == parts.labels
    print(f"{len(right)} parts, right {right.mean():.4f}; of those surer than .9 ({(sure > 0.9).mean():.3f}) {right[sure > 0.9].mean():.4f}, than .99 ({(sure > .99).mean():.3f}) {right[sure > .99].mean():.4f}")
    off = (numbers.numpy() - parts.numbers)
    known = ~np.isnan(off[:, 0]) & (parts.labels > 0)
    print("off: log2 of em", np.round(np.percentile(np.abs(off[known, 0]), [50, 90, 97, 99]), 3), "baseline", np.round(np.percentile(np.abs(off[known, 1]), [50, 90, 97, 99]), 3))
    wrong = Counter((str(parts.names[i]), classes[said[i]]) for i in np.flatnonzero(~right))
    print(", ".join(f"{a}→{b} {n}" for (a, b), n in wrong.most_common(50)))


def main():
    parser = arguments(__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--export", type=Path, help="a folder: the network in int8, as it is shipped (`ship_glyphs`)")
    parser.add_argument("--init", help="a run to begin with, whose classes it keeps; what the shards have beside them is added")
    parser.add_argument("--bfloat16", action="store_true", help="faster where the processor has it")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    listed = work_dir() / "runs" / args.run / "classes.json"
    if args.report:
        net, _, _ = load(args.run)
        report(net, classes_of(args.run), HELD_OUT, 20)
        return
    if args.export:
        export_to(args.export, args.run, args.first, args.count)
        return
    known = json.loads(listed.read_text()) if listed.exists() else classes_of(args.init) if args.init else None
    parts = Parts(args.first, args.count, known, extends=not listed.exists())
    net = build("symbols", len(parts.classes) + NUMBERS)
    if args.init and not listed.exists():
        net.load_state_dict(widened(load(args.init)[0].state_dict(), net.state_dict(), len(known)))
    net = net.train().to(memory_format=torch.channels_last)
    run = Run(args.run, net, args.rate, dict(tier="symbols", alphabet=alphabet.name))
    listed.write_text(json.dumps(parts.classes))
    run.log(event="start", parameters=parameters(net), parts=len(parts.labels), classes=len(parts.classes), args={k: str(v) for k, v in vars(args).items()})
    chances = parts.weights()
    while (progress := run.progress(args)) < 1:
        rng = np.random.default_rng(run.step)
        chosen = np.searchsorted(chances, rng.random(BATCH)).clip(0, len(parts.labels) - 1)
        x, labels, numbers = tensors(parts, chosen)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
            out = net(x)[:, 0].float()
        loss = functional.cross_entropy(out[:, :-NUMBERS], labels, label_smoothing=0.02)
        known = ~numbers.isnan() & (labels > 0)[:, None]
        off = functional.smooth_l1_loss(out[:, -NUMBERS:], numbers.nan_to_num(), reduction="none", beta=0.05)
        run.learn(loss + 2.0 * (off * known).sum() / known.sum().clamp(min=1), progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
