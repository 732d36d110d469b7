#!/usr/bin/env bash
# OpenVINO 2026.4.1, CPU: a model whose tensors are int64 computes in 32 bits and answers int64. 2^40 plus 1 is 1, without a warning.
# Token ids fit; hashes, time stamps and positions in bytes do not. ONNX Runtime 1.31.1 gives 2^40 + 1.
# Needs python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile openvino==2026.4.1 onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > run.py <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.INT64, [2]) for name in ("x", "y"))
one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
graph = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"])], "g", [x], [y], [one])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "add.onnx")

array = np.array([41, 2**40], np.int64)
answer = openvino.compile_model("add.onnx", "CPU")(array)[0]
print("OpenVINO 2026.4.1:", answer.dtype, answer.tolist())
answer = onnxruntime.InferenceSession("add.onnx").run(None, {"x": array})[0]
print("ONNX Runtime 1.31.1:", answer.dtype, answer.tolist())
PY
seen=$(venv/bin/python run.py 2> errors) || { cat errors >&2; exit 1; }
expected='OpenVINO 2026.4.1: int64 [42, 1]
ONNX Runtime 1.31.1: int64 [42, 1099511627777]'

printf '[41, 2^40] + 1 in int64\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
