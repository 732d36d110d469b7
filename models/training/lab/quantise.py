"""Static int8 (QDQ, weights per channel), calibrated on synthetic lines or pages of our own making.

Ranges are moving averages of the minima and maxima: one outlier does not coarsen every step (1.34% of characters wrong on our real
pages, where plain minima and maxima gave 1.40, the 99.99th percentile 1.36 and fp32 1.36).

**No weight is larger than 64.** x86 without VNNI adds 8-bit products in pairs in 16 bits (pmaddubsw), which saturate at 32767: 2 x 255 x 64
does not reach that, 2 x 255 x 127 does. So the sums are exact, and the best classes the same, on every machine.

**What comes out is not quantised.** 256 steps from the least logit to the largest make ties of characters that are apart in f32; more than half
of the lines that int8 read otherwise were such. The recogniser's last layer is a product of integers whose sums become f32; the detector's stays in f32, and so does its first, which
sees the page itself: of the boxes of fp32 99.5% are found then (IoU .5), and 98.5% without; it is also faster so.

`--keep` names further nodes that stay in fp32.
"""
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .config import Alphabet, arguments
from .detector import prepare
from .generate import load_or_make
from .pages import PageGenerator
from .preprocess import tensor


class Batches(CalibrationDataReader):
    def __init__(self, inputs):
        self.inputs = iter(inputs)

    def get_next(self):
        x = next(self.inputs, None)
        return None if x is None else {"x": x}


def calibration_lines(alphabet: Alphabet, lines: int):
    """Lines one at a time, as they are read: their padding is part of what is calibrated."""
    for bucket in load_or_make(alphabet, 999_983, "train", lines).values():
        for gray, _ in bucket:
            yield tensor(gray)[None, None]


def calibration_pages(alphabet: Alphabet, pages: int):
    for number in range(pages):
        image, _, _ = PageGenerator(alphabet, 15_485_863 + number).page(960, 704)
        yield prepare(image)[0]


def with_product(model: onnx.ModelProto) -> str:
    """Make the last layer of a recogniser, a 1x1 convolution of one row, a product with a matrix, which ONNX Runtime computes from integers
    into f32 (MatMulIntegerToFloat); name the node that adds its bias."""
    graph = model.graph
    made_by = {node.output[0]: node for node in graph.node}
    transpose = made_by[graph.output[0].name]
    row = made_by[transpose.input[0]]
    head = made_by[row.input[0]]
    assert [node.op_type for node in (head, row, transpose)] == ["Conv", "Gather", "Transpose"], "this is no recogniser of nets.py"
    weights = next(tensor for tensor in graph.initializer if tensor.name == head.input[1])
    values = numpy_helper.to_array(weights)[:, :, 0, 0]
    weights.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values.T), weights.name))
    for node in (head, row, transpose):
        graph.node.remove(node)
    graph.node.extend([
        helper.make_node("Gather", [head.input[0], row.input[1]], ["row"], "row", axis=2),
        helper.make_node("Transpose", ["row"], ["steps"], "steps", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["steps", weights.name], ["products"], "head"),
        helper.make_node("Add", ["products", head.input[2]], [graph.output[0].name], "head/bias"),
    ])
    onnx.checker.check_model(model)
    return "head/bias"


def quantise(source: Path, target: Path, inputs, keep=()):
    warnings.filterwarnings("ignore")
    metadata = {p.key: p.value for p in onnx.load(source).metadata_props}
    with tempfile.TemporaryDirectory() as folder:
        inferred = Path(folder) / "inferred.onnx"
        quant_pre_process(str(source), str(inferred), skip_symbolic_shape=True)
        model = onnx.load(inferred)
        convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
        detector = model.graph.node[-1].op_type == "Conv"
        in_f32 = [convolutions[0], convolutions[-1]] if detector else [with_product(model)]
        onnx.save(model, inferred)
        quantize_static(str(inferred), str(target), Batches(inputs), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
                        nodes_to_exclude=[*in_f32, *keep], extra_options={"CalibMovingAverage": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]})
    model = onnx.load(target)
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, target)


def main():
    parser = arguments(__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--lines", type=int, default=400)
    parser.add_argument("--pages", type=int, help="calibrate a detector on this many pages instead")
    parser.add_argument("--keep", nargs="*", default=[])
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    inputs = calibration_pages(alphabet, args.pages) if args.pages else calibration_lines(alphabet, args.lines)
    quantise(args.source, args.target, inputs, args.keep)
    print(f"{args.target}: {args.target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
