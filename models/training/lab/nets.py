"""The recogniser's network: convolutions only, width stride 4, bottleneck blocks that run as plain matrix products.

Input [N, 1, 32, W] with W a multiple of 4, output logits [N, W / 4, classes].
"""
import torch
from torch import nn

TIERS = {  # channels at 16, 8 and 4 rows and in the sequence part; blocks in each
    "fast": dict(stem=16, c8=32, c4=64, sequence=160, blocks8=2, blocks4=2, blocks=4, kernel=7),
    "small": dict(stem=12, c8=24, c4=48, sequence=112, blocks8=1, blocks4=2, blocks=4, kernel=7),
    "medium": dict(stem=16, c8=48, c4=96, sequence=240, blocks8=2, blocks4=3, blocks=5, kernel=7),
    # Of one class: whether a step stands in a formula (formula/train_inline.py).
    "inline": dict(stem=8, c8=16, c4=32, sequence=64, blocks8=1, blocks4=1, blocks=4, kernel=9),
    "large": dict(stem=24, c8=64, c4=128, sequence=352, blocks8=2, blocks4=4, blocks=6, kernel=7),
}


def conv(c_in, c_out, kernel, stride=1, relu=True):
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    layers = [nn.Conv2d(c_in, c_out, kernel, stride, tuple(k // 2 for k in kernel), bias=False), nn.BatchNorm2d(c_out)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """x + (1x1 to half the channels, k, 1x1 back)."""

    def __init__(self, channels, kernel, inner=None):
        super().__init__()
        inner = inner or channels // 2
        self.body = nn.Sequential(conv(channels, inner, 1), conv(inner, inner, kernel), conv(inner, channels, 1, relu=False))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(x + self.body(x))


class Recogniser(nn.Module):
    def __init__(self, classes, stem, c8, c4, sequence, blocks8, blocks4, blocks, kernel):
        super().__init__()
        self.rows = nn.Sequential(
            conv(1, stem, 3, 2),
            conv(stem, c8, 3, 2), *[Bottleneck(c8, 3) for _ in range(blocks8)],
            conv(c8, c4, 3, (2, 1)), *[Bottleneck(c4, 3) for _ in range(blocks4)],
        )
        self.column = nn.Sequential(nn.Conv2d(c4, sequence, (4, 1), bias=False), nn.BatchNorm2d(sequence), nn.ReLU(inplace=True))
        self.sequence = nn.Sequential(*[Bottleneck(sequence, (1, kernel)) for _ in range(blocks)])
        self.head = nn.Conv2d(sequence, classes, 1)

    def forward(self, x):
        return self.head(self.sequence(self.column(self.rows(x))))[:, :, 0].transpose(1, 2)


class Symbols(nn.Module):
    """Which symbol a part of a formula is of, how large it is set and where its line is: [N, 5, 32, 32] (formula/parts.py) to [N, 1, classes + 2]."""

    def __init__(self, classes, widths=(32, 48, 80, 128), last=224):
        super().__init__()
        a, b, c, d = widths
        self.maps = nn.Sequential(conv(5, a, 3, 2), conv(a, b, 3), conv(b, c, 3, 2), Bottleneck(c, 3), Bottleneck(c, 3), conv(c, d, 3, 2), Bottleneck(d, 3))
        self.column = nn.Sequential(nn.Conv2d(d, last, 4, bias=False), nn.BatchNorm2d(last), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(last, classes, 1)

    def forward(self, x):
        return self.head(self.column(self.maps(x)))[:, :, 0].transpose(1, 2)


def build(tier: str, classes: int) -> nn.Module:
    return Symbols(classes) if tier == "symbols" else Recogniser(classes, **TIERS[tier])


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def cut(block: Bottleneck, keep: torch.Tensor):
    """Keep these inner channels of both inner convolutions."""
    def norm(old):
        new = nn.BatchNorm2d(len(keep))
        for key in ("weight", "bias", "running_mean", "running_var"):
            getattr(new, key).data.copy_(getattr(old, key).data[keep])
        return new
    (first, n1, relu1), (middle, n2, relu2), (last, n3) = block.body
    for conv, axes in ((first, (0,)), (middle, (0, 1)), (last, (1,))):
        for axis in axes:
            conv.weight = nn.Parameter(conv.weight.data.index_select(axis, keep))
    first.out_channels = middle.in_channels = middle.out_channels = last.in_channels = len(keep)
    block.body = nn.Sequential(nn.Sequential(first, norm(n1), relu1), nn.Sequential(middle, norm(n2), relu2), nn.Sequential(last, n3))


def shrink(net, inner: dict[str, int]):
    """Give a freshly built net the inner widths of a pruned one, so that its weights fit."""
    for name, block in net.named_modules():
        if name in inner:
            cut(block, torch.arange(inner[name]))
    return net
