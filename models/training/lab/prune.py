"""Prune a trained recogniser; fine-tune what is left with `train --init`, and compare it with a smaller net trained as long.

magnitude   the smallest weights of every convolution become zero (the net keeps its shape; the zeros stay while fine-tuning)
structured  the inner channels of every bottleneck with the smallest norms are cut out: a smaller, faster net
gradient    the same, but the channels whose loss of output would cost least by first order (|activation gradient x weight|)
"""
import torch
from torch import nn

from .config import arguments, work_dir
from .losses import ctc
from .nets import Bottleneck, cut, parameters
from .pool import Pool
from .runs import load


def magnitude(net, share: float):
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 1000:
            w = module.weight.data
            w[w.abs() < w.abs().flatten().kthvalue(max(1, int(share * w.numel()))).values] = 0


def norms(block: Bottleneck) -> torch.Tensor:
    """What an inner channel carries: the norm of its weights times the scale of its normalisation, before and after."""
    (first, n1, _), (middle, n2, _), (last, _) = block.body
    scale = (n1.weight.abs() * first.weight.flatten(1).norm(dim=1)) * middle.weight.transpose(0, 1).flatten(1).norm(dim=1)
    return scale + (n2.weight.abs() * middle.weight.flatten(1).norm(dim=1)) * last.weight.transpose(0, 1).flatten(1).norm(dim=1)


def taylor(net, alphabet, batches: int = 20) -> dict:
    """First-order cost of zeroing each inner channel, summed over its normalisation's scale and shift."""
    net.train()
    net.zero_grad()
    pool = Pool(alphabet)
    for step in range(batches):
        x, wanted = pool.batch(step, 9999)
        ctc(net(x), wanted).backward()
    cost = {}
    for name, block in net.named_modules():
        if isinstance(block, Bottleneck):
            n1, n2 = block.body[0][1], block.body[1][1]
            cost[name] = sum((n.weight * n.weight.grad + n.bias * n.bias.grad).abs().detach() for n in (n1, n2))
    net.eval()
    return cost


def main():
    parser = arguments(__doc__)
    parser.add_argument("source", help="a finished run")
    parser.add_argument("target", help="the run to write; resume it with `train --run TARGET`")
    parser.add_argument("--how", choices=["magnitude", "structured", "gradient"], default="structured")
    parser.add_argument("--share", type=float, default=0.4, help="of weights or inner channels to remove")
    args = parser.parse_args()
    net, alphabet, state = load(args.source)
    inner = {}
    if args.how == "magnitude":
        magnitude(net, args.share)
    else:
        cost = taylor(net, alphabet) if args.how == "gradient" else {n: norms(b) for n, b in net.named_modules() if isinstance(b, Bottleneck)}
        for name, block in list(net.named_modules()):
            if isinstance(block, Bottleneck):
                width = len(cost[name])
                inner[name] = max(8, round(width * (1 - args.share) / 8) * 8)
                cut(block, cost[name].argsort(descending=True)[:inner[name]].sort().values)
    meta = dict(state["meta"], inner=inner, pruned=args.how, share=args.share)
    folder = work_dir() / "runs" / args.target
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(net=net.state_dict(), average=None, step=0, meta=meta), folder / "checkpoint.pt")
    print(f"{args.target}: {parameters(net)} parameters, {sum(int((p != 0).sum()) for p in net.parameters())} of them not zero")


if __name__ == "__main__":
    main()
