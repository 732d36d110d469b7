"""Quantises an ONNX model with onnxruntime's own quantiser, for `pagestream models quantize`.

Reads the inputs that pagestream made of the calibration pages (`*.npy`, f32, one tensor each, in the order of their names), writes
the model, and prints one line of JSON that says what was done. Everything else goes to stderr.

    static   int8 weights, one scale a channel; activations in unsigned int8, at the ranges that the calibration found (QDQ)
    dynamic  int8 weights; activations are quantised when the model runs, at the range of each tensor
    fp16     weights and arithmetic in 16-bit floating point; inputs and outputs stay f32

int8 weights are 7 bits wide, -64 to 64: x86 without VNNI adds products of unsigned and signed bytes in pairs in 16 bits (pmaddubsw), which
saturate at 32767, and 2 x 255 x 127 is more. So a model gives the same on every machine.
"""
import argparse
import json
import logging
import re
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import version_converter
from onnxruntime.quantization import (CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, create_calibrator,
                                      quantize_dynamic, quantize_static)
from onnxruntime.quantization.calibrate import save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

# The first version of ONNX in which scales may differ by channel is 13; 17 is what the exporters of 2023 and later write.
OPSET = 17
WEIGHTED = ("Conv", "ConvTranspose", "MatMul", "Gemm")
# Convolutions at ranges found while the model runs are slower than in f32.
QUANTISED = {"static": WEIGHTED, "dynamic": ("MatMul", "Gemm"), "fp16": WEIGHTED}
METHODS = {"moving-average": CalibrationMethod.MinMax, "min-max": CalibrationMethod.MinMax,
           "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}


class Inputs(CalibrationDataReader):
    def __init__(self, name, files):
        self.name, self.files = name, iter(files)

    def get_next(self):
        file = next(self.files, None)
        return None if file is None else {self.name: np.load(file)}


def prepare(source, folder):
    """The model in a recent opset, with its shapes inferred and batch norms folded into convolutions."""
    model = onnx.load(source)
    if next(entry.version for entry in model.opset_import if entry.domain == "") < OPSET:
        model = version_converter.convert_version(model, OPSET)
        # The converter declares every domain that it knows.
        used = {node.domain for node in model.graph.node}
        kept = [entry for entry in model.opset_import if entry.domain in used]
        del model.opset_import[:]
        model.opset_import.extend(kept)
    converted, prepared = folder / "converted.onnx", folder / "prepared.onnx"
    onnx.save(model, converted)
    quant_pre_process(str(converted), str(prepared), skip_symbolic_shape=True)
    return prepared


def weighted(model):
    """The nodes that multiply with weights of the file, in the order of the graph."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [node for node in model.graph.node if node.op_type in WEIGHTED and node.input[1] in constants]


def kept_in_f32(model, words):
    """The nodes that `words` name: `first:N` (of those with weights), `last`, `depthwise`, or nodes by their own names."""
    nodes = weighted(model)
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    kept = set()
    for word in words:
        first = re.fullmatch(r"first(?::(\d+))?", word)
        if first:
            kept.update(node.name for node in nodes[:int(first[1] or 1)])
        elif word == "last":
            kept.add(nodes[-1].name)
        elif word == "depthwise":
            kept.update(node.name for node in nodes if node.op_type == "Conv" and shapes[node.input[1]][1] == 1
                        and shapes[node.input[1]][0] > 1)
        else:
            found = {node.name for node in model.graph.node if node.name == word}
            if not found:
                sys.exit(f"the model has no node `{word}`; --keep takes first:N, last, depthwise or the names of nodes")
            kept.update(found)
    return sorted(kept)


def static(prepared, target, folder, args, kept):
    model = onnx.load(prepared)
    constants = {tensor.name for tensor in model.graph.initializer}
    name = next(value.name for value in model.graph.input if value.name not in constants)
    files = sorted(Path(args.tensors).glob("*.npy"))
    method = METHODS[args.method]
    cache = None
    if method in (CalibrationMethod.Percentile, CalibrationMethod.Entropy):
        extra = {"percentile": args.percentile} if method == CalibrationMethod.Percentile else {}
        calibrator = create_calibrator(prepared, list(WEIGHTED), augmented_model_path=str(folder / "augmented.onnx"),
                                       calibrate_method=method, extra_options=extra)
        # One at a time: of one input all activations together are some hundred MiB, and lines differ in width.
        for file in files:
            calibrator.collect_data(Inputs(name, [file]))
        cache = folder / "ranges.json"
        save_tensors_data(calibrator.compute_data(), cache)
    quantize_static(str(prepared), str(target), Inputs(name, files), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                    op_types_to_quantize=list(WEIGHTED), activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    calibrate_method=method, nodes_to_exclude=kept, calibration_cache_path=cache,
                    extra_options={"CalibMovingAverage": args.method == "moving-average"})
    return len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--mode", choices=["static", "dynamic", "fp16"], required=True)
    parser.add_argument("--tensors")
    parser.add_argument("--method", choices=list(METHODS), default="moving-average")
    parser.add_argument("--percentile", type=float, default=99.99)
    parser.add_argument("--keep", action="append", default=[])
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    metadata = {entry.key: entry.value for entry in onnx.load(args.source).metadata_props}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        prepared = prepare(args.source, folder)
        model = onnx.load(prepared)
        kept, samples = kept_in_f32(model, args.keep), 0
        layers = weighted(model)
        in_f32 = [node for node in layers if node.name in kept or node.op_type not in QUANTISED[args.mode]]
        if args.mode == "static":
            samples = static(prepared, args.target, folder, args, kept)
        elif args.mode == "dynamic":
            quantize_dynamic(str(prepared), str(args.target), op_types_to_quantize=list(QUANTISED["dynamic"]),
                             per_channel=True, reduce_range=True, weight_type=QuantType.QInt8, nodes_to_exclude=kept)
        else:
            half = OnnxModel(convert_float_to_float16(model, keep_io_types=True, node_block_list=kept))
            # The casts were added at the end.
            half.topological_sort()
            onnx.save(half.model, args.target)
    model = onnx.load(args.target)
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, args.target)
    print(json.dumps({"layers": len(layers), "kept_in_f32": len(in_f32), "samples": samples,
                      "onnxruntime": __import__("onnxruntime").__version__}))


if __name__ == "__main__":
    main()
