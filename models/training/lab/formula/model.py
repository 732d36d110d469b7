"""The network: convolutions to one vector for each 8 x 8 pixels, two-dimensional positions, a transformer decoder with cached keys and values.

Only Conv, ReLU, Add, MatMul, LayerNorm and Softmax, so that a runtime of our own has little to know."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .latex import END, START, VOCABULARY

TIERS = {
    # what a processor core can teach in hours
    "small": dict(width=192, heads=6, layers=3, inner=512, channels=(32, 64, 128), blocks=(1, 3)),
    # what is meant to ship: 5 M parameters
    "base": dict(width=256, heads=8, layers=4, inner=768, channels=(32, 64, 192), blocks=(2, 5)),
    "tiny": dict(width=64, heads=2, layers=1, inner=128, channels=(8, 16, 32), blocks=(0, 1)),
}
LONGEST = 192  # positions; as many tokens with start and end
ROWS, COLUMNS = 32, 128  # of 8 pixels: what a picture may have at most


class Pointwise(nn.Conv2d):
    """A 1 x 1 convolution as a matrix product on channels-last data, which is faster on a processor."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 1)

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        self.spread = nn.Sequential(nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False), nn.BatchNorm2d(channels))
        self.mix = nn.Sequential(Pointwise(channels, 2 * channels), nn.ReLU(), Pointwise(2 * channels, channels))

    def forward(self, x):
        if self.training and not x.is_cuda:
            # what follows back through such a convolution is slow in bfloat16 on a processor
            with torch.autocast("cpu", enabled=False):
                return x + self.mix(self.spread(x.float()))
        return x + self.mix(self.spread(x))


class Strided(nn.Conv2d):
    """A 3 x 3 convolution that halves even heights and widths. On a GPU it is a matrix product of nine shifted copies: cuDNN compiles kernels for each
    new shape, which takes a second, and our batches have thousands of shapes."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 3, 2, 1, bias=False)

    def forward(self, x):
        if not x.is_cuda:
            return super().forward(x)
        return self.shifted(x)

    def shifted(self, x):
        h, w = x.shape[2:]
        x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        parts = torch.cat([x[:, i:i + h:2, j:j + w:2] for i in range(3) for j in range(3)], 3)
        return F.linear(parts, self.weight.permute(0, 2, 3, 1).flatten(1)).permute(0, 3, 1, 2)


def halving(inputs, outputs):
    return nn.Sequential(Strided(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU())


def sinusoids(count: int, width: int):
    rates = torch.exp(-math.log(200.0) * torch.arange(width // 2).float() / (width // 2))
    angles = torch.arange(count).float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)


def inside(x, sizes):
    """[n, 1, h, w]: what lies within rows and columns [n, 2] of x [n, c, h, w]."""
    rows = torch.arange(x.shape[2], device=x.device)[None] < sizes[:, :1]
    columns = torch.arange(x.shape[3], device=x.device)[None] < sizes[:, 1:]
    return (rows[:, :, None] & columns[:, None])[:, None]


class Encoder(nn.Module):
    """[n, 1, h, w], 0 paper, 1 ink -> [n, h/8 * w/8, width]."""

    def __init__(self, width, channels, blocks):
        super().__init__()
        a, b, c = channels
        self.net = nn.Sequential(halving(1, a), halving(a, b), *[Block(b, 5) for _ in range(blocks[0])], halving(b, c), *[Block(c, 7) for _ in range(blocks[1])])
        self.project = Pointwise(c, width)
        self.norm = nn.LayerNorm(width)
        self.register_buffer("rows", sinusoids(ROWS, width // 2), persistent=False)
        self.register_buffer("columns", sinusoids(COLUMNS, width // 2), persistent=False)

    def forward(self, x, places=None):
        """`places` [n, 2]: rows and columns of each picture of a batch; what lies beyond is nothing to the convolutions, as it is when a picture comes alone."""
        height = x.shape[2]
        for module in self.net:
            x = module(x)
            if places is not None:
                x = x * inside(x, places * (8 * x.shape[2] // height)).to(x.dtype)
        f = self.project(x)
        n, d, h, w = f.shape
        places = torch.cat([self.rows[:h, None].expand(h, w, d // 2), self.columns[None, :w].expand(h, w, d // 2)], 2).reshape(1, h * w, d)
        return self.norm(f.flatten(2).transpose(1, 2)) + places


class Layer(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads, self.width = heads, width
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.out2 = nn.Linear(width, width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)

    def split(self, x):
        return x.view(x.shape[0], -1, self.heads, self.width // self.heads).transpose(1, 2)

    def join(self, x):
        return x.transpose(1, 2).reshape(x.shape[0], -1, self.width)

    def forward(self, x, keys, values, past_keys=None, past_values=None, mask=None, drop=0.0, seen=None):
        """`mask` None: training, causal. Otherwise it is added to the scores of past and new tokens. `seen`: which places belong to the picture, in a batch."""
        q, k, v = (self.split(t) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        if past_keys is not None:
            k, v = torch.cat([past_keys, k], 2), torch.cat([past_values, v], 2)
        x = x + self.dropped(self.out(self.join(self.attend(q, k, v, mask, causal=mask is None))), drop)
        q = self.split(self.query(self.norm2(x)))
        x = x + self.dropped(self.out2(self.join(self.attend(q, keys, values, None if mask is None else 0.0, seen=seen))), drop)
        return x + self.dropped(self.narrow(F.relu(self.widen(self.norm3(x)))), drop), k, v

    @staticmethod
    def dropped(x, share):
        return F.dropout(x, share) if share else x

    def attend(self, q, k, v, mask, causal=False, seen=None):
        if not q.is_cuda and self.training and seen is None:
            # what follows back through attention is slow in bfloat16 on a processor
            with torch.autocast("cpu", enabled=False):
                return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=causal)
        if mask is None or seen is not None:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
        return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.width // self.heads) + mask, -1) @ v


class Reader(nn.Module):
    def __init__(self, width, heads, layers, inner, channels, blocks, drop=0.0):
        super().__init__()
        self.width, self.heads, self.drop = width, heads, drop
        self.encoder = Encoder(width, channels, blocks)
        self.tokens, self.positions = nn.Embedding(len(VOCABULARY), width), nn.Embedding(LONGEST, width)
        self.layers = nn.ModuleList(Layer(width, heads, inner) for _ in range(layers))
        self.cross = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(len(VOCABULARY)))
        self.present = nn.Linear(width, len(VOCABULARY))  # only for training: which tokens the picture holds
        nn.init.normal_(self.tokens.weight, std=width ** -0.5)
        nn.init.normal_(self.positions.weight, std=0.02)
        nn.init.constant_(self.present.bias, -3.0)

    def keys_and_values(self, memory):
        n = memory.shape[0]
        return [[t.reshape(n, -1, self.heads, self.width // self.heads).transpose(1, 2) for t in c(memory).chunk(2, -1)] for c in self.cross]

    def memory(self, memory):
        """Keys and values of the picture for each layer: [layers, 2, n, heads, places, width / heads]."""
        return torch.stack([torch.stack(of_layer) for of_layer in self.keys_and_values(memory)])

    def decode(self, tokens, cross, past=None, mask=None, seen=None):
        """tokens [n, t] -> logits [n, t, vocabulary], keys and values of all tokens so far [layers, 2, n, heads, past + t, width / heads]."""
        before = 0 if past is None else past.shape[4]
        drop = self.drop if self.training else 0.0
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device) + before)
        kept = []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, cross[i][0], cross[i][1], None if past is None else past[i, 0], None if past is None else past[i, 1], mask, drop, seen)
            kept.append((k, v))
        logits = F.linear(self.norm(x), self.tokens.weight, self.bias)
        return logits, None if mask is None else torch.stack([torch.stack(kv) for kv in kept])

    def seen(self, pictures, places):
        """[n, 1, 1, h/8 * w/8]: which places belong to each picture and not to the paper that makes a batch even. Reading one picture needs no mask."""
        return inside(pictures[:, :, ::8, ::8], places).flatten(2)[:, :, None]

    def forward(self, pictures, tokens, places=None):
        memory = self.encoder(pictures, places)
        seen = None if places is None else self.seen(pictures, places)
        logits, _ = self.decode(tokens, self.keys_and_values(memory), seen=seen)
        present = self.present(memory)
        if seen is not None:
            present = present.masked_fill(~seen[:, 0, 0, :, None], -30.0)
        return logits, present.amax(1)

    @torch.no_grad()
    def greedy(self, pictures, longest=150, places=None):
        """Token numbers of each picture up to the end, without the grammar: quick, for watching a training."""
        n, device = len(pictures), pictures.device
        cross = self.memory(self.encoder(pictures, places))
        seen = None if places is None else self.seen(pictures, places)
        past = torch.zeros(len(self.layers), 2, n, self.heads, 0, self.width // self.heads, device=device, dtype=cross.dtype)
        token = torch.full((n, 1), START, device=device)
        out, done = [], torch.zeros(n, dtype=torch.bool, device=device)
        for step in range(longest):
            logits, past = self.decode(token, cross, past, torch.zeros(1, step + 1, device=device, dtype=cross.dtype), seen)
            token = logits[:, -1:].argmax(-1)
            out.append(token)
            done |= token[:, 0] == END
            if done.all():
                break
        rows = torch.cat(out, 1).tolist()
        return [row[:row.index(END)] if END in row else row for row in rows]


def build(tier: str, drop: float = 0.0) -> Reader:
    return Reader(**TIERS[tier], drop=drop)
