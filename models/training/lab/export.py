"""A checkpoint (its averaged weights when it has them) -> ONNX, batch normalisation folded, batch and width free."""
import hashlib
import warnings
from pathlib import Path

import onnx
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .config import arguments
from .detector import Detector
from .layout.net import Layout
from .runs import load

OPSET = 17


def fold(net: torch.nn.Module):
    """Put every batch normalisation into the convolution before it."""
    for module in net.modules():
        if isinstance(module, torch.nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i], torch.nn.Conv2d) and isinstance(module[i + 1], torch.nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = torch.nn.Identity()
    return net


def write(net, path: Path, metadata: dict, example=None):
    """`example`: of a net whose input is always of one size."""
    warnings.filterwarnings("ignore")
    if example is not None:
        output, free = "logits", {"x": {0: "batch"}, "logits": {0: "batch"}}
    elif isinstance(net, Detector | Layout):
        example, output = torch.zeros(1, 1, 512, 512), "maps"
        free = {"x": {0: "batch", 2: "height", 3: "width"}, "maps": {0: "batch", 2: "rows", 3: "columns"}}
    else:
        example, output = torch.zeros(1, 1, 32, 320), "logits"
        free = {"x": {0: "batch", 3: "width"}, "logits": {0: "batch", 1: "steps"}}
    torch.onnx.export(fold(net), (example,), path, input_names=["x"], output_names=[output], opset_version=OPSET, dynamo=False, dynamic_axes=free)
    model = onnx.load(path)
    model.graph.name = "pagestream"
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_digests(folder: Path):
    """What the program carries is known by its digest, which is asked for at every start."""
    networks = sorted(folder.glob("*.onnx"))
    (folder / "networks.sha256").write_text("".join(f"{hashlib.sha256(network.read_bytes()).hexdigest()}  {network.name}\n" for network in networks))


def main():
    parser = arguments(__doc__)
    parser.add_argument("run")
    parser.add_argument("path", type=Path)
    args = parser.parse_args()
    net, alphabet, state = load(args.run)
    metadata = {"run": args.run, "step": str(state["step"])}
    if not isinstance(net, Detector | Layout):
        metadata["character"] = "\n".join(alphabet.characters)
    write(net, args.path, metadata)
    print(f"{args.path}: step {state['step']}, {sum(p.numel() for p in net.parameters())} parameters, {args.path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
