#!/usr/bin/env bash
# OpenVINO 2026.4.1, Python: an array of another type than the model's input is converted to it without a word. Fractions given to an
# integer input are cut off; integers above 2^24 given to a float input are rounded. ONNX Runtime 1.31.1 refuses the same array
# for the same model, so one would guess an error here too: a preprocessing step that forgot to divide by 255 passes unseen.
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


def same(kind, path):
    """A model that answers its input."""
    ends = [helper.make_tensor_value_info(name, kind, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


same(TensorProto.FLOAT, "float.onnx")
same(TensorProto.INT32, "int32.onnx")
for path, array in (("float.onnx", np.array([3, 2**24 + 1], np.int64)), ("int32.onnx", np.array([0.9, -1.9], np.float32))):
    given = f"{path} given {array.dtype} {array.tolist()}"
    answer = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(array)[0]
    print(f"{given}: OpenVINO {answer.dtype} {answer.tolist()}")
    try:
        print(onnxruntime.InferenceSession(path).run(None, {"x": array}))
    except Exception as error:
        print(f"{given}: ONNX Runtime {type(error).__name__}")
PY
seen=$(venv/bin/python run.py 2> errors) || { cat errors >&2; exit 1; }
expected='float.onnx given int64 [3, 16777217]: OpenVINO float32 [3.0, 16777216.0]
float.onnx given int64 [3, 16777217]: ONNX Runtime InvalidArgument
int32.onnx given float32 [0.8999999761581421, -1.899999976158142]: OpenVINO int32 [0, -1]
int32.onnx given float32 [0.8999999761581421, -1.899999976158142]: ONNX Runtime InvalidArgument'

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
