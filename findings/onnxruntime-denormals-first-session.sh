#!/usr/bin/env bash
# ONNX Runtime 1.31.1, x86-64: `session.set_denormal_as_zero` reads like an option of a session. With one thread it is one of the
# process: the first session that is made decides, and later ones that ask otherwise are not heard. It also changes the thread
# that makes the session, so that numpy in the same thread loses its denormals.
# Needs python3 with venv, and an x86-64 processor.
set -euo pipefail
[[ $(uname -m) == x86_64 ]] || { echo 'this was seen on x86-64 only' >&2; exit 1; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cat > run.py <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y"))
half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
graph = helper.make_graph([helper.make_node("Mul", ["x", "half"], ["y"])], "g", [x], [y], [half])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "half.onnx")

denormal = np.full(1, 1e-40, np.float32)
seen = []
for flush in sys.argv[1:]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", flush)
    session = onnxruntime.InferenceSession("half.onnx", options, providers=["CPUExecutionProvider"])
    by_session, by_numpy = session.run(None, {"x": denormal})[0][0] == 0, (denormal * np.float32(0.5))[0] == 0
    seen.append(f"option {flush}: session {'zero' if by_session else 'kept'}, numpy {'zero' if by_numpy else 'kept'}")
print("; ".join(seen))
PY
seen=$(for order in '1 0' '0 1'; do venv/bin/python run.py $order 2> errors || { cat errors >&2; exit 1; }; done)
expected='option 1: session zero, numpy zero; option 0: session zero, numpy zero
option 0: session kept, numpy kept; option 1: session kept, numpy kept'

printf 'half of 1e-40, two sessions in one process, in both orders\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
