"""Train the recogniser. One thread, no loader processes: the lines of the next shard are drawn between the steps.

The pool holds POOL shards; every STEPS_A_SHARD steps the oldest leaves and the next comes in, so each line is seen about
three times, each time with other levels, noise and shifts. Which lines a step sees follows from its number alone, so a run killed
at any moment resumes from its last checkpoint as if nothing had happened. The learning rate follows the clock when a
deadline is given (cosine to zero at the deadline), else the number of steps.
"""
import json
import math
import os
import time
from datetime import datetime, timezone

import numpy as np
import torch
import torch.nn.functional as F

from .config import Alphabet, arguments, work_dir
from .generate import load_or_make
from .nets import build, parameters
from .preprocess import HEIGHT, level_table

POOL, STEPS_A_SHARD = 10, 180
BATCH_PIXELS = 32 * 10240  # a batch holds this many pixels: 32 lines of 320
CHECKPOINT_SECONDS = 120
AVERAGE = 0.998  # of the weights, from the second half on


class Pool:
    """The shards that a step draws from, and the batches it draws."""

    def __init__(self, alphabet, first: int = 0):
        self.alphabet, self.first, self.shards = alphabet, first, {}

    def at(self, step: int) -> list[dict]:
        newest = self.first + POOL - 1 + step // STEPS_A_SHARD
        wanted = range(newest - POOL + 1, newest + 1)
        for number in [n for n in self.shards if n not in wanted]:
            del self.shards[number]
        for number in wanted:
            if number not in self.shards:
                self.shards[number] = load_or_make(self.alphabet, number)
        return [self.shards[n] for n in wanted]

    def batch(self, step: int, widest: int):
        shards = self.at(step)
        n = np.random.default_rng([17, step])
        share = {}
        for s in shards:
            for width, lines in s.items():
                if width <= widest:
                    share[width] = share.get(width, 0) + len(lines) * width
        widths = sorted(share)
        p = np.array([share[w] for w in widths], np.float64)
        width = int(n.choice(widths, p=p / p.sum()))
        lines = [line for s in shards for line in s.get(width, ())]
        size = int(min(96, max(8, BATCH_PIXELS // 32 // width)))
        chosen = [lines[i] for i in n.integers(0, len(lines), size)]
        x = np.stack([augment(gray, width, n) for gray, _ in chosen])
        return torch.from_numpy(x)[:, None], [torch.from_numpy(t) for _, t in chosen]


def augment(gray: np.ndarray, width: int, n: np.random.Generator, shift: bool = True) -> np.ndarray:
    """The contract's levels, then small changes that cost nothing: a shift of a pixel, of up to 7 pixels sideways (with `shift`), noise, contrast."""
    x = np.ones((HEIGHT, width), np.float32)
    room = width - gray.shape[1]
    left = int(n.integers(0, min(room, 7) + 1)) if n.random() < 0.3 and shift else 0
    values = level_table(gray)[gray]
    u = n.random()
    if u < 0.2:
        values = values + n.standard_normal(values.shape, dtype=np.float32) * np.float32(n.uniform(0, 0.1))
    elif u < 0.4:
        values = 1 + (values - 1) * np.float32(n.uniform(0.7, 1.1))
    x[:, left:left + gray.shape[1]] = values
    if n.random() < 0.25:
        dy = 1 if n.random() < 0.5 else -1
        x = np.roll(x, dy, 0)
        x[0 if dy > 0 else -1] = x[1 if dy > 0 else -2]
    return np.clip(x, -1, 1)


def ctc(logits, targets):
    lengths = torch.tensor([len(t) for t in targets])
    steps = torch.full((len(targets),), logits.shape[1])
    loss = F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), torch.cat(targets), steps, lengths, reduction="sum", zero_infinity=True)
    return loss / lengths.sum()


class Run:
    """A resumable run: net, optimiser, averaged weights, step and clock, in one checkpoint file."""

    def __init__(self, name: str, net, learning_rate: float, meta: dict):
        self.net, self.rate, self.meta, self.step, self.seconds = net, learning_rate, meta, 0, 0.0
        self.optimiser = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=0.01, betas=(0.9, 0.98))
        self.average = None
        self.folder = work_dir() / "runs" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "checkpoint.pt"
        self.start = time.time()
        if self.path.exists():
            state = torch.load(self.path)
            net.load_state_dict(state["net"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.step, self.start, self.seconds = state["average"], state["step"], state["start"], state["seconds"]
        self.saved = time.time()
        self.spent = self.seconds - time.process_time()  # CPU seconds of earlier sittings, less what this process used before
        self.loss = None

    def save(self):
        self.seconds = self.spent + time.process_time()
        part = self.path.with_suffix(".part")
        torch.save(dict(net=self.net.state_dict(), optimiser=self.optimiser.state_dict(), average=self.average, step=self.step,
                        start=self.start, seconds=self.seconds, meta=self.meta), part)
        os.replace(part, self.path)
        self.saved = time.time()

    def progress(self, args) -> float:
        """0 at the start, 1 at the end, by whichever of the three schedules was asked for."""
        if args.deadline:
            return (time.time() - self.start) / (deadline_seconds(args.deadline) - self.start)
        if args.cpu_minutes:
            return (self.spent + time.process_time()) / (60 * args.cpu_minutes)
        return self.step / args.steps

    def learn(self, loss, progress):
        warm = min(1.0, (self.step + 1) / 300)
        decay = 0.5 * (1 + math.cos(math.pi * max(0.0, (progress - 0.1) / 0.9)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * warm * decay + 1e-6
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.step += 1
        value = loss.item()
        self.loss = value if self.loss is None else 0.98 * self.loss + 0.02 * value
        if progress > 0.5:
            state = self.net.state_dict()
            if self.average is None:
                self.average = {k: v.clone() for k, v in state.items()}
            for k, v in self.average.items():
                v.mul_(AVERAGE).add_(state[k], alpha=1 - AVERAGE) if v.is_floating_point() else v.copy_(state[k])
        if self.step % 100 == 0:
            self.log(progress=round(progress, 4), rate=self.optimiser.param_groups[0]["lr"], loss=round(self.loss, 4))
        if time.time() - self.saved > CHECKPOINT_SECONDS:
            self.save()

    def log(self, **values):
        values = dict(time=datetime.now(timezone.utc).isoformat(timespec="seconds"), step=self.step, cpu=round(time.process_time()), **values)
        with open(self.folder / "log.jsonl", "a") as f:
            f.write(json.dumps(values) + "\n")


def schedule_arguments(parser):
    parser.add_argument("--run", required=True, help="name of the run; a run that exists is resumed")
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--deadline", help="UTC time such as 02:35; the learning rate reaches zero then")
    parser.add_argument("--cpu-minutes", type=float, help="a budget instead of steps, the same for every net compared; drawing missing shards counts")
    parser.add_argument("--rate", type=float, default=2.5e-3)


def deadline_seconds(text: str) -> float:
    hour, minute = map(int, text.split(":"))
    return datetime.now(timezone.utc).replace(hour=hour, minute=minute, second=0, microsecond=0).timestamp()


def widest_at(progress: float, init) -> int:
    """Short lines teach a fresh net faster at first."""
    return 9999 if init or progress > 0.2 else 224 if progress < 0.06 else 416


def main():
    parser = arguments(__doc__)
    parser.add_argument("--tier", default="fast")
    parser.add_argument("--init", help="start from this run's weights and shape (a pruned one, say); zeros of a magnitude-pruned run stay zero")
    parser.add_argument("--first-shard", type=int, default=0, help="to go on with lines that an earlier run has not seen")
    schedule_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    alphabet = Alphabet.load(args.alphabet)
    meta = dict(tier=args.tier, alphabet=alphabet.name)
    if args.init:
        from .export import load
        net, alphabet, state = load(args.init)
        meta = state["meta"]
    else:
        net = build(args.tier, alphabet.classes)
    net = net.train().to(memory_format=torch.channels_last)
    zeros = {p: p == 0 for p in net.parameters() if p.dim() == 4} if meta.get("pruned") == "magnitude" else {}
    run = Run(args.run, net, args.rate, meta)
    run.log(event="start", parameters=parameters(net), args=vars(args))
    pool = Pool(alphabet, args.first_shard)
    while (progress := run.progress(args)) < 1:
        x, targets = pool.batch(run.step, widest_at(progress, args.init))
        run.learn(ctc(net(x.contiguous(memory_format=torch.channels_last)), targets), progress)
        with torch.no_grad():
            for p, zero in zeros.items():
                p[zero] = 0
    run.save()
    run.log(event="end")


if __name__ == "__main__":
    main()
