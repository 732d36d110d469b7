"""Train a recogniser under a larger one: (1 - alpha) CTC + alpha T^2 KL(teacher || student) on softened logits.

Under one of ours both see the same lines step for step (same width stride), so the logits align without any warping. PP-OCRv6 has a step
every 5.3 pixels of our lines where we have one every 4, and other classes: `--teacher pp-ocrv6` reads `--shards` shards beforehand,
puts its probabilities onto our classes (what we do not have counts as another script, or is left out) and onto our steps by linear
interpolation. Both kinds, and no teacher at all (`--alpha 0`), can be held to the same shards.
"""
import cv2
import numpy as np
import torch

from . import teacher as pp_ocr
from .config import BLANK, FIRST, FOREIGN, SPACE, Alphabet, arguments, work_dir
from .generate import load_or_make
from .losses import ctc, softened
from .nets import build, parameters
from .pool import Pool, augment
from .preprocess import HEIGHT
from .runs import Run, load, schedule_arguments
from .train import widest_at

KEPT = 4  # of the teacher's classes at each step; the rest of its probability goes to the blank
TEACHER_STEP = 8 * HEIGHT / 48  # of our pixels


def class_map(alphabet: Alphabet) -> np.ndarray:
    """PP-OCRv6's classes -> ours."""
    foreign = FIRST + alphabet.characters.index(FOREIGN) if FOREIGN in alphabet.characters else BLANK
    own = {c: FIRST + i for i, c in enumerate(alphabet.characters)} | {" ": SPACE, "": BLANK}
    return np.array([own.get(alphabet.read_as.get(c, c), foreign) for c in pp_ocr.characters()])


def teacher_steps(gray: np.ndarray, to_ours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(classes of ours, probabilities) [steps, KEPT] of what PP-OCRv6 sees in a line of 32 pixels."""
    width = max(16, round(48 * gray.shape[1] / HEIGHT))
    x = np.zeros((1, 3, 48, -(-width // 32) * 32), np.float32)
    x[0, :, :, :width] = cv2.resize(gray, (width, 48), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 127.5 - 1
    p = pp_ocr.model("rec").run(None, {"x": x})[0][0][:-(-width // 8)]
    top = np.argpartition(-p, KEPT, -1)[:, :KEPT]
    return to_ours[top].astype(np.int16), np.take_along_axis(p, top, -1).astype(np.float16)


def on_our_steps(classes: np.ndarray, p: np.ndarray, steps: int, count: int) -> np.ndarray:
    """Probabilities [steps, count] at our steps' middles, between the teacher's two nearest."""
    dense = np.zeros((len(p), count), np.float32)
    np.add.at(dense, (np.arange(len(p))[:, None], classes), p.astype(np.float32))
    dense[:, BLANK] += np.maximum(0, 1 - dense.sum(-1))
    at = np.clip(((np.arange(steps) + 0.5) * 4) / TEACHER_STEP - 0.5, 0, len(p) - 1)
    low = np.floor(at).astype(int)
    part = (at - low)[:, None].astype(np.float32)
    out = dense[low] * (1 - part) + dense[np.minimum(low + 1, len(p) - 1)] * part
    return out / out.sum(-1, keepdims=True)


class TaughtPool:
    """A few shards with the teacher's answers; they lie in the work folder once they are made."""

    def __init__(self, alphabet: Alphabet, shards: int, taught: bool):
        self.alphabet, self.lines = alphabet, {}
        to_ours = class_map(alphabet) if taught else None
        for number in range(shards):
            path = work_dir() / alphabet.name / f"taught-{number}.npy"
            if taught and not path.exists():
                made = {w: [(*line, *teacher_steps(line[0], to_ours)) for line in lines] for w, lines in load_or_make(alphabet, number).items()}
                path.with_suffix(".part.npy").unlink(missing_ok=True)
                np.save(path.with_suffix(".part.npy"), made, allow_pickle=True)
                path.with_suffix(".part.npy").rename(path)
            shard = np.load(path, allow_pickle=True).item() if path.exists() else load_or_make(alphabet, number)
            for width, lines in shard.items():
                self.lines.setdefault(width, []).extend(lines)

    def batch(self, step: int, widest: int):
        n = np.random.default_rng([19, step])
        widths = sorted(w for w in self.lines if w <= widest)
        share = np.array([len(self.lines[w]) * w for w in widths], np.float64)
        width = int(n.choice(widths, p=share / share.sum()))
        chosen = [self.lines[width][i] for i in n.integers(0, len(self.lines[width]), min(96, max(8, 10240 // width)))]
        x = np.stack([augment(line[0], width, n, shift=False) for line in chosen])
        soft = None
        if len(chosen[0]) > 2:
            soft = torch.from_numpy(np.stack([on_our_steps(*line[2:], width // 4, self.alphabet.classes) for line in chosen]))
        return torch.from_numpy(x)[:, None], [torch.from_numpy(line[1]) for line in chosen], soft


def main():
    parser = arguments(__doc__)
    parser.add_argument("--tier", default="fast")
    parser.add_argument("--teacher", required=True, help="a finished run, or pp-ocrv6")
    parser.add_argument("--shards", type=int, help="keep to the first so many shards, with any teacher; needed for pp-ocrv6")
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--init", help="start from this run's weights (same tier)")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet, large = Alphabet.load(args.alphabet), args.teacher == "pp-ocrv6"
    if large and not args.shards:
        parser.error("--teacher pp-ocrv6 wants --shards: what it reads is read beforehand")
    own = None if large or args.alpha == 0 else load(args.teacher)[0].to(memory_format=torch.channels_last)
    net = (load(args.init)[0].train() if args.init else build(args.tier, alphabet.classes)).to(memory_format=torch.channels_last)
    pool = TaughtPool(alphabet, args.shards, large) if args.shards else Pool(alphabet)
    run = Run(args.run, net, args.rate, dict(tier=args.tier, alphabet=alphabet.name, teacher=args.teacher))
    run.log(event="start", parameters=parameters(net), args=vars(args))
    while (progress := run.progress(args)) < 1:
        x, wanted, *soft = pool.batch(run.step, widest_at(progress, args.init))
        x = x.contiguous(memory_format=torch.channels_last)
        logits = net(x)
        loss = (1 - args.alpha) * ctc(logits, wanted)
        if own is not None:
            with torch.no_grad():
                seen = own(x)
            loss = loss + args.alpha * softened(logits[..., :seen.shape[-1]], seen, args.temperature)
        elif large and args.alpha:
            loss = loss + args.alpha * softened(logits, (soft[0] + 1e-6).log(), args.temperature)
        run.learn(loss, progress)
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
