"""Weights -> encoder and decoder in ONNX, opset 17, checked against torch.

python -m lab.formula.export WEIGHTS.pt FOLDER [--f32]     # formula-encoder.onnx and formula-decoder.onnx, weights in int8; with --f32 as they were trained

The graphs are written here node by node, with names that a runtime of our own finds its weights by (models/src/backend/portable/formula).

encoder  image      [n, 1, h, w] f32: 0 paper, 1 ink; h and w multiples of 16, pictures of one size
         keys.L     [n, heads, d, S] f32, values.L [n, heads, S, d]: of each layer of the decoder, for the S = h/8 * w/8 places of the picture
decoder  tokens     [n, t] i64; -1 where a formula has fewer than t
         positions  [n, t] i64: how many tokens come before each
         seen       [n, t, P + t] f32, added to the scores: 0 for what a token sees of those before it and itself, -1e9 for all else
         places     [n, S] f32, added to the scores: 0 for the places of the formula's own picture, -1e9 for what fills it up to S
         keys.L, values.L, as the encoder gives them
         past.keys.L   [n, heads, d, P] f32, past.values.L [n, heads, P, d]: of the tokens so far, in any order, and of anything else: `seen` says which
         logits     [n, t, vocabulary] f32; new.keys.L [n, heads, d, t], new.values.L [n, heads, t, d]: of the tokens given, for the runs to come
A formula's first token is 1 (start) with nothing seen but itself. Several tokens one after another verify a draft; several that do not see each other are
hypotheses of a beam.

In int8 the weights are kept in 8 bits, with a scale for each output channel, and computed in f32: a token reads the same whatever shares its run, on every processor.
"""
import argparse
import copy
import math
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ..export import OPSET, fold
from .evaluate import load
from .latex import CLASSES, VOCABULARY

HIDDEN = -1e9


class Graph:
    """An ONNX graph in the making. Constants of more than a row are kept in int8 if `small`."""

    def __init__(self, small: bool):
        self.small, self.nodes, self.constants, self.inputs, self.outputs = small, [], [], [], []

    def node(self, operator, inputs, output=None, count=1, **attributes):
        names = [output or f"{operator}.{len(self.nodes)}.{k}" for k in range(count)]
        self.nodes.append(helper.make_node(operator, inputs, names, names[0], **attributes))
        return names[0] if count == 1 else names

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def i64(self, *values):
        name = "i64." + ".".join(map(str, values))
        return name if any(c.name == name for c in self.constants) else self.constant(name, np.array(values, np.int64))

    def weights(self, name, values, axis):
        """Output channels along `axis`."""
        values = values.detach().float().numpy()
        if not self.small:
            return self.constant(name, values)
        others = tuple(k for k in range(values.ndim) if k != axis)
        scale = np.maximum(np.abs(values).max(others), 1e-8) / 127
        wide = scale.reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        self.constant(name, np.round(values / wide).astype(np.int8))
        return self.node("DequantizeLinear", [name, self.constant(f"{name}.scale", scale.astype(np.float32))], f"{name}.f32", axis=axis)

    def dense(self, x, name, weight, bias):
        """`weight` [outputs, inputs], as torch has it; kept as [inputs, outputs]."""
        product = self.node("MatMul", [x, self.weights(f"{name}.weight", weight.T, 1)])
        return self.node("Add", [product, self.constant(f"{name}.bias", bias.detach().float().numpy())])

    def norm(self, x, name, layer: nn.LayerNorm):
        constants = [self.constant(f"{name}.{part}", values.detach().float().numpy()) for part, values in (("weight", layer.weight), ("bias", layer.bias))]
        return self.node("LayerNormalization", [x, *constants], axis=-1, epsilon=layer.eps)

    def convolution(self, x, name, layer: nn.Conv2d, output=None):
        inputs = [x, self.weights(f"{name}.weight", layer.weight, 0)]
        if layer.bias is not None:
            inputs.append(self.constant(f"{name}.bias", layer.bias.detach().float().numpy()))
        p = layer.padding[0]
        return self.node("Conv", inputs, output, group=layer.groups, kernel_shape=layer.kernel_size, strides=layer.stride, pads=[p, p, p, p])

    def heads(self, x, heads, depth, order):
        """[n, t, heads * depth] with its dimensions n, t, heads, depth in another order."""
        return self.node("Transpose", [self.node("Reshape", [x, self.i64(0, 0, heads, depth)])], perm=order)

    def write(self, path: Path, metadata: dict):
        outputs = sorted(self.outputs, key=lambda port: port.name != "logits")
        graph = helper.make_graph(self.nodes, "pagestream", self.inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model)
        onnx.save(model, path)

    def port(self, name, shape, kind=TensorProto.FLOAT, output=False):
        (self.outputs if output else self.inputs).append(helper.make_tensor_value_info(name, kind, shape))
        return name


KEYS, VALUES = (0, 2, 3, 1), (0, 2, 1, 3)


def encoder(net, path: Path, small: bool, metadata: dict):
    layers, heads, depth = len(net.layers), net.heads, net.width // net.heads
    graph, folded = Graph(small), copy.deepcopy(net.encoder)
    fold(folded)
    x = graph.port("image", ["n", 1, "h", "w"])

    def walk(module, name, x):
        if isinstance(module, nn.Sequential):
            for k, part in enumerate(module):
                x = walk(part, f"{name}.{k}", x)
        elif isinstance(module, nn.Conv2d):
            x = graph.convolution(x, name, module)
        elif isinstance(module, nn.ReLU):
            x = graph.node("Relu", [x])
        elif not isinstance(module, nn.Identity):  # a Block
            x = graph.node("Add", [walk(module.mix, f"{name}.mix", walk(module.spread, f"{name}.spread", x)), x])
        return x

    x = graph.convolution(walk(folded.net, "net", x), "project", folded.project, "map")
    rows, columns = (graph.node("Shape", [x], start=k, end=k + 1) for k in (2, 3))
    x = graph.norm(graph.node("Transpose", [x], perm=(0, 2, 3, 1)), "norm", net.encoder.norm)
    half = net.width // 2
    places = [graph.constant("rows", np.pad(net.encoder.rows.numpy(), ((0, 0), (0, half)))[:, None]), graph.constant("columns", np.pad(net.encoder.columns.numpy(), ((0, 0), (half, 0)))[None])]
    for k, (table, count) in enumerate(zip(places, (rows, columns))):
        x = graph.node("Add", [x, graph.node("Slice", [table, graph.i64(0), count, graph.i64(k)])])
    x = graph.node("Reshape", [x, graph.i64(0, -1, net.width)])
    for i, layer in enumerate(net.cross):
        both = graph.node("Split", [graph.dense(x, f"cross.{i}", layer.weight, layer.bias), graph.i64(net.width, net.width)], count=2, axis=-1)
        for name, part, order, shape in ((f"keys.{i}", both[0], KEYS, [heads, depth, "places"]), (f"values.{i}", both[1], VALUES, [heads, "places", depth])):
            graph.node("Identity", [graph.heads(part, heads, depth, order)], graph.port(name, ["n", *shape], output=True))
    graph.write(path, metadata | {"architecture": "formula-encoder", "heads": str(heads), "layers": str(layers), "epsilon": str(net.encoder.norm.eps)})


def decoder(net, path: Path, small: bool, metadata: dict):
    layers, heads, depth, width = len(net.layers), net.heads, net.width // net.heads, net.width
    graph = Graph(small)
    tokens, positions = graph.port("tokens", ["n", "t"], TensorProto.INT64), graph.port("positions", ["n", "t"], TensorProto.INT64)
    seen = graph.node("Unsqueeze", [graph.port("seen", ["n", "t", "P+t"]), graph.i64(1)])
    places = graph.node("Unsqueeze", [graph.port("places", ["n", "S"]), graph.i64(1, 2)])
    table = graph.weights("tokens.weight", net.tokens.weight, 0)
    x = graph.node("Add", [graph.node("Gather", [table, tokens]), graph.node("Gather", [graph.weights("positions.weight", net.positions.weight, 0), positions])])
    for i, layer in enumerate(net.layers):
        name, shrink = f"layer.{i}", 1 / math.sqrt(depth)
        keys, values = graph.port(f"keys.{i}", ["n", heads, depth, "S"]), graph.port(f"values.{i}", ["n", heads, "S", depth])
        past_keys, past_values = graph.port(f"past.keys.{i}", ["n", heads, depth, "P"]), graph.port(f"past.values.{i}", ["n", heads, "P", depth])
        scaled = torch.cat([torch.full((width,), shrink), torch.ones(2 * width)])  # questions are scaled beforehand
        all_ = graph.dense(graph.norm(x, f"{name}.norm1", layer.norm1), f"{name}.self", layer.qkv.weight * scaled[:, None], layer.qkv.bias * scaled)
        q, k, v = (graph.heads(part, heads, depth, order) for part, order in zip(graph.node("Split", [all_, graph.i64(width, width, width)], count=3, axis=-1), (VALUES, KEYS, VALUES)))
        graph.node("Identity", [k], graph.port(f"new.keys.{i}", ["n", heads, depth, "t"], output=True))
        graph.node("Identity", [v], graph.port(f"new.values.{i}", ["n", heads, "t", depth], output=True))
        scores = graph.node("Concat", [graph.node("MatMul", [q, past_keys]), graph.node("MatMul", [q, k])], axis=-1)
        shares = graph.node("Softmax", [graph.node("Add", [scores, seen])], axis=-1)
        before = graph.node("Shape", [past_keys], start=3, end=4)
        old = graph.node("Slice", [shares, graph.i64(0), before, graph.i64(3)])
        new = graph.node("Slice", [shares, before, graph.i64(1 << 40), graph.i64(3)])
        mean = graph.node("Add", [graph.node("MatMul", [old, past_values]), graph.node("MatMul", [new, v])])

        def joined(mean):
            return graph.node("Reshape", [graph.node("Transpose", [mean], perm=VALUES), graph.i64(0, 0, width)])

        x = graph.node("Add", [x, graph.dense(joined(mean), f"{name}.out", layer.out.weight, layer.out.bias)])
        q = graph.heads(graph.dense(graph.norm(x, f"{name}.norm2", layer.norm2), f"{name}.query", layer.query.weight * shrink, layer.query.bias * shrink), heads, depth, VALUES)
        shares = graph.node("Softmax", [graph.node("Add", [graph.node("MatMul", [q, keys]), places])], axis=-1)
        x = graph.node("Add", [x, graph.dense(joined(graph.node("MatMul", [shares, values])), f"{name}.out2", layer.out2.weight, layer.out2.bias)])
        up = graph.node("Relu", [graph.dense(graph.norm(x, f"{name}.norm3", layer.norm3), f"{name}.widen", layer.widen.weight, layer.widen.bias)])
        x = graph.node("Add", [x, graph.dense(up, f"{name}.narrow", layer.narrow.weight, layer.narrow.bias)])
    logits = graph.node("MatMul", [graph.norm(x, "norm", net.norm), graph.node("Transpose", [table], perm=(1, 0))])
    graph.node("Add", [logits, graph.constant("bias", net.bias.detach().numpy())], graph.port("logits", ["n", "t", len(VOCABULARY)], output=True))
    graph.write(path, metadata | {"architecture": "formula-decoder", "heads": str(heads), "layers": str(layers), "epsilon": str(net.norm.eps),
                                  "vocabulary": "\n".join(" ".join([name, *members]) for name, members in CLASSES.items())})


def write(net, folder: Path, metadata: dict, small: bool = True):
    folder.mkdir(parents=True, exist_ok=True)
    metadata = metadata | ({"weights-only": "int8"} if small else {})
    encoder(net, folder / "formula-encoder.onnx", small, metadata)
    decoder(net, folder / "formula-decoder.onnx", small, metadata)


@torch.no_grad()
def difference(net, folder: Path) -> float:
    """The largest difference of a logit between torch in one go and ONNX Runtime in steps of 1 and 3 tokens."""
    from .decode import OnnxSession
    session = OnnxSession(folder / "formula-encoder.onnx", folder / "formula-decoder.onnx")
    torch.manual_seed(1)
    worst = 0.0
    for h, w, n in ((32, 80, 1), (64, 304, 2), (112, 512, 1)):
        image, tokens = torch.rand(n, 1, h, w) * (torch.rand(n, 1, h, w) < 0.2), torch.randint(2, len(VOCABULARY), (n, 10))
        mask = torch.where(torch.ones(10, 10).triu(1) > 0, -1e9, 0.0)
        wanted = net.decode(tokens, net.memory(net.encoder(image)), torch.zeros(len(net.layers), 2, n, net.heads, 0, net.width // net.heads), mask)[0].numpy()
        cross, past, at = session.encode(image.numpy()), session.start(), 0
        for new in (1, 3, 3, 3):
            logits, past = session.run(tokens[:, at:at + new].numpy(), cross, past)
            worst = max(worst, float(np.abs(logits - wanted[:, at:at + new]).max()))
            at += new
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--f32", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = load(args.weights)
    write(net, args.folder, {"run": args.weights.stem}, small=not args.f32)
    print("largest difference of a logit from torch:", difference(net, args.folder))
    for path in sorted(args.folder.glob("formula-*.onnx")):
        print(path.name, path.stat().st_size, "bytes", sorted({n.op_type for n in onnx.load(path).graph.node}))


if __name__ == "__main__":
    main()
