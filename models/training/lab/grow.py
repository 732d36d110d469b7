"""Start a larger tier, or one for a longer alphabet, from a finished net, so that what was learnt is not learnt again: the same function, with room.

Every old channel keeps its weights and reads nothing from the new ones (zeros, which training then fills); new channels start at random,
and new blocks add nothing at first (after "Net2Net", Chen et al. 2015, without its splitting of channels).
"""
import torch
from torch import nn

from .config import BLANK, arguments, work_dir
from .nets import TIERS, Bottleneck, build, parameters
from .runs import load


def widen(old: nn.Conv2d, new: nn.Conv2d):
    outputs, inputs = old.weight.shape[:2]
    new.weight.data[:outputs, :inputs] = old.weight.data
    new.weight.data[:outputs, inputs:] = 0
    if old.bias is not None:
        new.bias.data[:outputs] = old.bias.data


def stretch(old: nn.BatchNorm2d, new: nn.BatchNorm2d):
    for key in ("weight", "bias", "running_mean", "running_var"):
        getattr(new, key).data[:old.num_features] = getattr(old, key).data


def copy(old: nn.Module, new: nn.Module):
    """Walk both trees; blocks that the old one has not are left as they are."""
    for name, child in old.named_children():
        other = new.get_submodule(name)
        if isinstance(child, nn.Conv2d):
            widen(child, other)
        elif isinstance(child, nn.BatchNorm2d):
            stretch(child, other)
        else:
            copy(child, other)


def grow(small: nn.Module, tier: str, classes: int) -> nn.Module:
    net = build(tier, classes)
    for module in net.modules():
        if isinstance(module, Bottleneck):
            module.body[-1][-1].weight.data.zero_()  # copied over where the small net has this block
    for small_level, level in zip(levels(small), levels(net), strict=True):
        for old, new in zip(small_level, level):
            copy(old, new)
    copy(small.column, net.column)
    copy(small.sequence, net.sequence)
    widen(small.head, net.head)
    # new characters start as a weaker blank: seen nowhere until they have been learnt
    net.head.weight.data[small.head.out_channels:] = net.head.weight.data[BLANK]
    net.head.bias.data[small.head.out_channels:] = net.head.bias.data[BLANK] - 4
    return net


def levels(net) -> list[list[nn.Module]]:
    """The layers of `rows`, parted before each halving: the larger net has more blocks in some."""
    parts = []
    for layer in net.rows:
        if not isinstance(layer, Bottleneck):
            parts.append([])
        parts[-1].append(layer)
    return parts


def main():
    parser = arguments(__doc__)
    parser.add_argument("source", help="a finished run")
    parser.add_argument("target", help="the run to write; go on with `train --run NAME --init TARGET`")
    parser.add_argument("--tier", choices=TIERS, default="medium")
    args = parser.parse_args()
    torch.manual_seed(0)
    small, alphabet, _ = load(args.source)
    net = grow(small, args.tier, alphabet.classes).eval()
    x = torch.rand(2, 1, 32, 128) * 2 - 1
    with torch.no_grad():
        error = (net(x)[..., :small.head.out_channels] - small(x)).abs().max().item()
    assert error < 1e-3, f"the grown net differs by {error}"
    folder = work_dir() / "runs" / args.target
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(net=net.state_dict(), average=None, step=0, meta=dict(tier=args.tier, alphabet=alphabet.name, grown=args.source)), folder / "checkpoint.pt")
    print(f"{args.target}: {parameters(small)} parameters grown to {parameters(net)}, outputs within {error:.1e}")


if __name__ == "__main__":
    main()
