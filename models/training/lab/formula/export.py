"""Weights -> encoder.onnx and decoder.onnx, opset 17, checked against torch; `--int8` also writes weight-only int8 copies.

python -m lab.formula.export WEIGHTS.pt OUT_FOLDER [--int8]

encoder  image  [n, 1, h, w] float32, 0 paper, 1 ink, h and w multiples of 16       ->  cross   [layers, 2, n, heads, h/8 * w/8, width/heads]
decoder  tokens [n, t] int64, cross, past [layers, 2, n, heads, p, width/heads]     ->  logits  [n, t, vocabulary], present [layers, 2, n, heads, p + t, width/heads]
The first step has p = 0 and the token 1 (start). t > 1 is for verifying drafted tokens: each of them sees the past and those before it.
"""
import argparse
import copy
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from ..export import OPSET, fold
from .evaluate import load
from .latex import VOCABULARY


class Encoder(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, image):
        return self.net.memory(self.net.encoder(image))


class Decoder(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, tokens, cross, past):
        before, new = past.shape[4], tokens.shape[1]
        late = torch.arange(before + new)[None] > torch.arange(new)[:, None] + before
        return self.net.decode(tokens, cross, past, torch.where(late, -1e9, 0.0))


def write(net, folder: Path, metadata: dict):
    warnings.filterwarnings("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    layers, heads, width = len(net.layers), net.heads, net.width // net.heads
    image = torch.zeros(1, 1, 48, 160)
    cross, past, tokens = torch.zeros(layers, 2, 1, heads, 120, width), torch.zeros(layers, 2, 1, heads, 3, width), torch.ones(1, 2, dtype=torch.long)
    folded = copy.deepcopy(net)
    fold(folded)
    torch.onnx.export(Encoder(folded).eval(), (image,), folder / "encoder.onnx", input_names=["image"], output_names=["cross"], opset_version=OPSET, dynamo=False,
                      dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}, "cross": {2: "batch", 4: "places"}})
    torch.onnx.export(Decoder(net).eval(), (tokens, cross, past), folder / "decoder.onnx", input_names=["tokens", "cross", "past"], output_names=["logits", "present"], opset_version=OPSET, dynamo=False,
                      dynamic_axes={"tokens": {0: "batch", 1: "new"}, "cross": {2: "batch", 4: "places"}, "past": {2: "batch", 4: "past"}, "logits": {0: "batch", 1: "new"}, "present": {2: "batch", 4: "all"}})
    for name in ("encoder", "decoder"):
        model = onnx.load(folder / f"{name}.onnx")
        model.graph.name = "pagestream"
        for key, value in (metadata | ({"tokens": "\n".join(VOCABULARY)} if name == "decoder" else {})).items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model)
        onnx.save(model, folder / f"{name}.onnx")


@torch.no_grad()
def difference(net, folder: Path, prefix: str = "") -> float:
    """The largest difference of a logit between torch in one go and ONNX Runtime in steps of 1 and 3 tokens."""
    from .decode import OnnxSession
    session = OnnxSession(folder / f"{prefix}encoder.onnx", folder / f"{prefix}decoder.onnx")
    torch.manual_seed(1)
    worst = 0.0
    for h, w, n in ((32, 80, 1), (64, 304, 2), (112, 512, 1)):
        image, tokens = torch.rand(n, 1, h, w) * (torch.rand(n, 1, h, w) < 0.2), torch.randint(2, len(VOCABULARY), (n, 10))
        mask = torch.where(torch.ones(10, 10).triu(1) > 0, -1e9, 0.0)
        wanted = net.decode(tokens, net.memory(net.encoder(image)), torch.zeros(len(net.layers), 2, n, net.heads, 0, net.width // net.heads), mask)[0].numpy()
        cross, past, at = session.encode(image.numpy()), np.repeat(session.empty, n, 2), 0
        for new in (1, 3, 3, 3):
            logits, past = session.decoder.run(None, {"tokens": tokens[:, at:at + new].numpy(), "cross": cross, "past": past})
            worst = max(worst, float(np.abs(logits - wanted[:, at:at + new]).max()))
            at += new
    return worst


def quantise(folder: Path):
    """Matrices: int8 with a scale for each output channel, multiplied in int8 with activations scaled on the fly (weights of 7 bits, so that AVX2's pairwise
    sums do not overflow). Convolutions and embeddings: int8 in the file only, with a scale for each channel; they are computed in float."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    for name in ("encoder", "decoder"):
        path = folder / f"int8-{name}.onnx"
        quantize_dynamic(folder / f"{name}.onnx", path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True, op_types_to_quantize=["MatMul", "Gemm"])
        model = onnx.load(path)
        used = {node.input[i] for node in model.graph.node for i in ((1,) if node.op_type == "Conv" else (0,) if node.op_type == "Gather" else ())}
        for old in [t for t in model.graph.initializer if t.name in used and t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 1000]:
            weights = onnx.numpy_helper.to_array(old)
            scale = np.abs(weights.reshape(len(weights), -1)).max(1).clip(1e-8) / 127
            whole = np.round(weights / scale.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
            name8, scales = old.name + "_int8", old.name + "_scale"
            model.graph.initializer.remove(old)
            model.graph.initializer.extend([onnx.numpy_helper.from_array(whole, name8), onnx.numpy_helper.from_array(scale.astype(np.float32), scales)])
            model.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", [name8, scales], [old.name], axis=0))
        onnx.checker.check_model(model)
        onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--int8", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = load(args.weights)
    write(net, args.folder, {"run": args.weights.stem})
    print("largest difference from torch:", difference(net, args.folder))
    if args.int8:
        quantise(args.folder)
        print("int8, largest difference from torch:", difference(net, args.folder, "int8-"))
    for path in sorted(args.folder.glob("*.onnx")):
        print(path.name, path.stat().st_size, "bytes", sorted({n.op_type for n in onnx.load(path).graph.node}))


if __name__ == "__main__":
    main()
