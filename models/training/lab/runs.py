"""A run: its net, optimiser and clock in one checkpoint, so that it can be killed and resumed; and what other steps load of it."""
import json
import math
import os
import time
from datetime import datetime, timezone

import torch

from .config import ROOT, Alphabet, work_dir
from .detector import Detector
from .layout.net import Layout
from .nets import build, shrink

CHECKPOINT_SECONDS = 120
AVERAGE = 0.998  # of the weights, from the second half on


def net_of(meta: dict, weights: dict) -> torch.nn.Module:
    if meta.get("layout"):
        return Layout()
    return Detector() if meta.get("detector") else build(meta["tier"], len(weights["head.weight"]))


def load(run: str) -> tuple[torch.nn.Module, Alphabet, dict]:
    """A run of this machine, or one whose weights lie in weights/ (without the optimiser's state: fine for --init)."""
    path = work_dir() / "runs" / run / "checkpoint.pt"
    state = torch.load(path if path.exists() else ROOT / "weights" / f"{run}.pt")
    alphabet = Alphabet.load(state["meta"]["alphabet"])
    weights = state["average"] or state["net"]
    # as many classes as it was trained with: characters may have been added to the alphabet's end since
    net = net_of(state["meta"], weights)
    if state["meta"].get("inner"):
        net = shrink(net, state["meta"]["inner"])
    net.load_state_dict(weights)
    return net.eval(), alphabet, state


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
