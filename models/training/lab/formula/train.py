"""Train the formula recogniser; resumes from its checkpoint.

python -m lab.formula.train --run formula-1 --tier base --seconds 530 --total 1600 --workers 15     # on a GPU, in several calls
python -m lab.formula.train --run formula-4 --tier base --init weights/formula-3.pt --no-limits --bfloat16 --total 21600     # on one core

The learning rate follows the share of the whole training that is done: `--total` seconds, or up to `--deadline` (UTC). New shards are taken in as they appear.
"""
import argparse
import contextlib
import json
import math
import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ..config import work_dir
from .augment import worn
from .generate import Shard
from .latex import VOCABULARY
from .model import TIERS, build
from .preprocess import normalise, padded, side
from .stream import Stream, rows

cv2.setNumThreads(1)
LIMITS = ((200, 10), (600, 24), (1200, 60))  # until this step, formulas of at most so many tokens


# Shapes of batches on a GPU, where each new shape costs as much as a step (measured: 45 ms, without cuDNN) or more (a second, with it).
LENGTHS = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 144, 192)
HEIGHTS = (32, 48, 64, 80, 96, 128, 160, 192, 256)
WIDTHS = (48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024)


class Batches(torch.utils.data.Dataset):
    """Batches that are planned beforehand: each is a list of (shard, formula), drawn and worn when asked for."""

    def __init__(self, shards, plan, seed, clean=False, few=False):
        self.shards, self.plan, self.seed, self.clean, self.few = shards, plan, seed, clean, few

    def __len__(self):
        return len(self.plan)

    def __getitem__(self, k):
        n = np.random.default_rng([self.seed, k])
        pictures, labels = [], []
        for s, i in self.plan[k]:
            grey = self.shards[s].picture(i)
            x = normalise(grey if self.clean else worn(grey, n), 1.0 if self.clean else math.exp(n.normal(0, 0.07)))
            if x is None:
                continue
            pictures.append(x)
            labels.append(self.shards[s].label(i))
        if not pictures:
            return None
        # what is much larger than its fellows (noise that was taken for ink) would make the whole batch as large
        high, wide = 1.3 * np.percentile([p.shape[0] for p in pictures], 90) + 12, 1.3 * np.percentile([p.shape[1] for p in pictures], 90) + 24
        kept = [k for k, p in enumerate(pictures) if p.shape[0] <= high and p.shape[1] <= wide]
        room = 600_000 * 64 // (max(pictures[k].shape[0] for k in kept) + 24) // (max(pictures[k].shape[1] for k in kept) + 24)
        pictures, labels = [pictures[k] for k in kept[:room]], [labels[k] for k in kept[:room]]
        longest = max(len(l) for l in labels)
        if self.few:
            while len(pictures) < len(self.plan[k]) and len(kept) <= room:  # as many as planned: one shape fewer
                pictures, labels = pictures + pictures[:len(self.plan[k]) - len(pictures)], labels + labels[:len(self.plan[k]) - len(labels)]
            longest = next(t for t in LENGTHS if t > longest) - 1
        x = padded(pictures)
        if self.few:
            h, w = (next(size for size in sizes if size >= needed) for sizes, needed in ((HEIGHTS, x.shape[2]), (WIDTHS, x.shape[3])))
            x = np.pad(x, ((0, 0), (0, 0), (0, h - x.shape[2]), (0, w - x.shape[3])))
        places = np.array([[side(p.shape[0]) // 8, side(p.shape[1]) // 8] for p in pictures], np.int64)
        return torch.from_numpy(x), *rows(labels, longest), torch.from_numpy(places)


def planned(shards, rng, budget, limit, count):
    """`count` batches at most, of formulas that are about as long; `budget` is places and tokens of a batch together."""
    index = np.concatenate([np.stack([np.full(len(s), k), np.arange(len(s)), s.lengths, s.scaled[:, 0], s.scaled[:, 1]], 1).astype(np.int32) for k, s in enumerate(shards)])
    index = index[index[:, 2] <= limit]
    need = count * budget // 40
    index = index[rng.permutation(len(index))[:need]] if len(index) > need else index[rng.integers(0, len(index), need)]
    # alike in length first, then in height, then in width: paper around small pictures costs as much as ink
    index = index[np.lexsort((index[:, 4], index[:, 3] // 12, index[:, 2] // 8))]
    batches, at = [], 0
    while at < len(index):
        size = int(np.clip(budget / (index[at, 2] + 12), 4, 1024))
        size = size if size < 64 else size // 64 * 64
        batches.append(index[at:at + size, :2].astype(int).tolist())
        at += size
    order = rng.permutation(len(batches))
    return [batches[o] for o in order][:count]


def lost(logits, present, wanted):
    entropy = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), ignore_index=-100, label_smoothing=0.02)
    held = torch.zeros_like(present, dtype=torch.float).scatter_(1, wanted.clamp(min=0), 1.0)
    held[:, :2] = 0
    return entropy, F.binary_cross_entropy_with_logits(present.float(), held, reduction="sum") / len(present)


@torch.no_grad()
def exact(net, shards, device, count=512, size=64):
    """Share of validation formulas read without a fault: (clean, worn)."""
    net.eval()
    rng = np.random.default_rng(5)
    ids = sorted(((int(s), int(i)) for s, i in zip(rng.integers(0, len(shards), count), rng.integers(0, min(len(s) for s in shards), count))), key=lambda c: (shards[c[0]].scaled[c[1]] // 12).tolist())
    out = []
    for clean in (True, False):
        right = total = 0
        data = Batches(shards, [ids[k:k + size] for k in range(0, len(ids), size)], 1, clean)
        for k in range(len(data)):
            pictures, _, wanted, places = data[k]
            read = net.greedy(pictures.to(device).float() / 255, longest=int(wanted.shape[1]) + 4, places=places.to(device))
            for row, label in zip(read, wanted.tolist()):
                right += row == [t for t in label if t > 1]
                total += 1
        out.append(round(right / total, 4))
    net.train()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--tier", choices=TIERS, default="small")
    parser.add_argument("--init", help="a .pt file whose weights to start from")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--total", type=float, help="seconds of the whole training, over all calls")
    parser.add_argument("--deadline", help="HH:MM UTC, instead of --total")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=500)
    parser.add_argument("--budget", type=int, default=1000, help="tokens of a batch (with 12 for each formula)")
    parser.add_argument("--drop", type=float, default=0.05)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--round", type=float, default=60, help="seconds after which new shards are looked for")
    parser.add_argument("--check", type=float, default=150, help="seconds between validations and checkpoints")
    parser.add_argument("--shards", type=Path, nargs="*", help="folders; default: formula-shards")
    parser.add_argument("--out", type=Path, help="folder for a copy of the averaged weights in half precision")
    parser.add_argument("--no-limits", action="store_true", help="no short formulas first")
    parser.add_argument("--average", type=float, default=0.9995)
    parser.add_argument("--work", type=int, default=12000, help="on a processor: places and four times the tokens of a batch")
    parser.add_argument("--bfloat16", action="store_true", help="quicker where the processor multiplies tiles (AMX)")
    args = parser.parse_args()
    start = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
    else:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.enabled = False  # it compiles kernels for each shape (see model.Strided)
        torch.backends.cuda.enable_cudnn_sdp(False)
    folder = work_dir() / "runs" / args.run
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    net = build(args.tier, args.drop).to(device, memory_format=torch.channels_last)
    average = build(args.tier).to(device, memory_format=torch.channels_last)
    matrices, vectors = [p for p in net.parameters() if p.ndim > 1], [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.02}, {"params": vectors, "weight_decay": 0.0}], args.rate, betas=(0.9, 0.98), fused=True)
    step, seen, spent = 0, 0, 0.0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        if state.get("optimiser"):
            optimiser.load_state_dict(state["optimiser"])
        step, seen, spent = state["step"], state["seen"], state["spent"]
    elif args.init:
        weights = torch.load(args.init, map_location=device)
        net.load_state_dict({k: v.float() for k, v in weights["weights"].items()})
    if not checkpoint.exists():
        average.load_state_dict(net.state_dict())
    log = open(folder / "log.jsonl", "a", buffering=1)

    def note(**entry):
        log.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)

    def save():
        state = {"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seen": seen, "spent": spent + time.time() - start, "tier": args.tier}
        torch.save(state, folder / "checkpoint.tmp")
        os.replace(folder / "checkpoint.tmp", checkpoint)
        if args.out:
            export(average, args, step, seen, args.out / f"{args.run}.pt")
            if device.type == "cuda":
                export(net, args, step, seen, args.out / f"{args.run}-last.pt")

    if args.deadline:
        end = datetime.combine(datetime.now(timezone.utc).date(), datetime.strptime(args.deadline, "%H:%M").time(), timezone.utc)
        end = (end + timedelta(days=end.timestamp() < start)).timestamp()
    else:
        end = start + args.total - spent
    whole = end - start + spent
    stop = min(end, start + args.seconds)
    folders = args.shards or [work_dir() / "formula-shards"]
    shards, known = [], set()
    validation = [Shard(p) for p in sorted((work_dir() / "formula-validation").glob("*.npz"))]
    note(device=str(device), parameters=sum(p.numel() for p in net.parameters()), step=step, spent=round(spent), whole=round(whole), loading=round(time.time() - start, 1))
    checked = time.time()
    mixed = (lambda: torch.autocast(device.type, torch.bfloat16)) if device.type == "cuda" or args.bfloat16 else contextlib.nullcontext
    if device.type == "cuda":
        speed(net, device, mixed, note)
    sums, counted, clock, cpu = np.zeros(3), 0, time.time(), time.process_time()
    main.last, stream, usual = seen, None, None
    net.train()
    while time.time() < stop:
        for path in sorted(p for f in folders for p in f.glob("[0-9]*.npz")):
            if path not in known:
                known.add(path)
                shards.append(Shard(path))
        if not shards:
            time.sleep(1)
            continue
        limit = next((l for s, l in LIMITS if step < s), 10 ** 6) if not args.no_limits else 10 ** 6
        until = min(stop, time.time() + args.round)
        if device.type == "cuda" or limit < 10 ** 6:
            plan = planned(shards, np.random.default_rng([step, seen % 2 ** 31]), args.budget, limit, 400 if limit < 10 ** 6 else 1600)
            data = Batches(shards, plan, step, few=device.type == "cuda")
            loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=args.workers, prefetch_factor=6 if args.workers else None, pin_memory=device.type == "cuda")
        else:
            stream = stream or Stream(shards, [step, seen % 2 ** 31], args.work)
            loader = iter(stream)
        for batch in loader:
            if batch is None:
                continue
            pictures, tokens, wanted, *places = (t.to(device, non_blocking=True) for t in batch)
            share = min(1.0, (spent + time.time() - start) / whole)
            rate = args.rate * min(1.0, (step + 1) / args.warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            with mixed():
                x = pictures.to(memory_format=torch.channels_last).float() / 255
                logits, present = net(x, tokens, *places)
                entropy, bag = lost(logits, present, wanted)
            count = int((wanted >= 0).sum())
            usual = count if usual is None else 0.98 * usual + 0.02 * count
            optimiser.zero_grad(set_to_none=True)
            # few pictures of a rare shape count as few
            ((entropy + 0.03 * bag) * min(1.5, count / usual if not places else 1.0)).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            step += 1
            seen += len(pictures)
            with torch.no_grad():
                keep = min(args.average, (1 + step) / (10 + step))
                torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - keep)
                for a, b in zip(average.buffers(), net.buffers()):
                    a.copy_(b)
            if step % 20 == 0 or device.type == "cpu":
                mask = wanted >= 0
                right = ((logits.argmax(-1) == wanted) & mask).sum() / mask.sum()
                sums += [entropy.item(), right.item(), bag.item()]
                counted += 1
            if step % (200 if device.type == "cuda" else 50) == 0:
                now = time.time()
                note(step=step, seen=seen, seconds=round(spent + now - start), loss=round(sums[0] / counted, 4), right=round(sums[1] / counted, 4), bag=round(sums[2] / counted, 2), rate=f"{rate:.1e}", limit=limit,
                     formulas=sum(len(s) for s in shards), per_second=round((seen - getattr(main, "last", 0)) / (now - clock)), cpu=round(time.process_time() - cpu))
                sums[:], counted, clock, main.last = 0, 0, now, seen
            if time.time() > until or limit != (next((l for s, l in LIMITS if step < s), 10 ** 6) if not args.no_limits else 10 ** 6):
                break
            if time.time() - checked > args.check:
                note(step=step, exact=exact(average, validation, device, 48 if device.type == "cpu" else 512))
                save()
                checked = time.time()
        del loader
    note(step=step, seen=seen, exact=exact(average, validation, device, 48 if device.type == "cpu" else 1024))
    save()


def speed(net, device, mixed, note):
    """Times a few shapes, each seen twice, so that a log shows what a step costs and what a new shape."""
    before = {k: v.clone() for k, v in net.state_dict().items()}
    out = []
    for n, h, w, t in ((512, 48, 160, 24), (384, 64, 224, 40), (768, 32, 112, 12), (128, 112, 480, 100)):
        for _ in range(2):
            began = time.time()
            x = torch.randint(0, 256, (n, 1, h, w), device=device, dtype=torch.uint8)
            y = torch.randint(2, 300, (n, t), device=device)
            with mixed():
                logits, present = net(x.to(memory_format=torch.channels_last).float() / 255, y, torch.tensor([[h // 8, w // 8]], device=device).expand(n, 2))
                entropy, bag = lost(logits, present, y)
            (entropy + bag).backward()
            torch.cuda.synchronize()
            out.append(round(time.time() - began, 3))
    net.zero_grad(set_to_none=True)
    net.load_state_dict(before)
    note(shapes=out, memory=round(torch.cuda.max_memory_allocated() / 2 ** 30, 1))


def export(net, args, step, seen, path):
    """Weights in half precision, with what is needed to build the net."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    torch.save({"weights": weights, "tier": args.tier, "step": step, "seen": seen, "vocabulary": VOCABULARY}, path)


if __name__ == "__main__":
    main()
