"""Makes models/tests/data/export/: a tiny encoder-decoder of random numbers in the layout of Hugging Face Optimum's exports.

    python models/tools/tiny_export.py

Needs onnx, numpy and onnxruntime (requirements.txt). The decoder is there three times, with the same weights: alone, merged, and with a past by
itself. That last one has no mask over the tokens of a run, as exports that were traced with one token have none: it is right for one token and
wrong for several. `expected.json` has what ONNX Runtime writes of some pictures, greedily, when it is given all tokens each time.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, PATCH = 16, 32, 8
HIDDEN, HEADS, VOCABULARY, POSITIONS = 8, 2, 16, 64
DEPTH = HIDDEN // HEADS
START, END = 1, 2
LONGEST = 40
FOLDER = pathlib.Path(__file__).parents[1] / "tests" / "data" / "export"

rng = np.random.default_rng(21)


def weights(*shape, scale):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


ENCODER = {"patches": weights(HIDDEN, 3, PATCH, PATCH, scale=0.4)}
DECODER = {
    "tokens": weights(VOCABULARY, HIDDEN, scale=1.0),
    "positions": weights(POSITIONS, HIDDEN, scale=0.7),
    "out": weights(HIDDEN, VOCABULARY, scale=1.0),
    "bias": np.where(np.arange(VOCABULARY) == END, 0.5, 0.0).astype(np.float32),
    **{name: weights(HIDDEN, HIDDEN, scale=0.6) for name in ("q", "k", "v", "o", "cross.q", "cross.k", "cross.v", "cross.o")},
}


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def cache(prefix, length, parts=("decoder", "encoder")):
    shape = lambda part: ["batch", HEADS, length if part == "decoder" else "places", DEPTH]
    names = [(f"{prefix}.0.{part}.{what}", shape(part)) for part in parts for what in ("key", "value")]
    return [value(name, TensorProto.FLOAT, shape) for name, shape in names]


class Graph:
    """Nodes and constants under names of their own."""

    def __init__(self, prefix=""):
        self.prefix, self.nodes, self.constants = prefix, [], {}

    def op(self, kind, *inputs, outputs=None, **attributes):
        names = outputs or [f"{self.prefix}{kind}{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def number(self, value, kind=np.int64):
        name = f"{self.prefix}c{len(self.constants)}"
        self.constants[name] = np.array(value, dtype=kind)
        return name

    def initializers(self):
        return [numpy_helper.from_array(value, name) for name, value in self.constants.items()]


def decoder(graph, past, masked=True, out=""):
    """Writes a step; `out` goes before the names of its outputs, which are values of the graph around it in a branch."""
    op, number = graph.op, graph.number
    heads = lambda x: op("Transpose", op("Reshape", x, number([0, 0, HEADS, DEPTH])), perm=[0, 2, 1, 3])
    dim = lambda x, axis: op("Gather", op("Shape", x), number(axis), axis=0)
    name = lambda part, what: f"{out}present.0.{part}.{what}"
    t = dim("input_ids", 1)
    before = dim("past_key_values.0.decoder.key", 2) if past else number(0)
    length = op("Add", before, t)
    rows = op("Range", before, length, number(1))
    x = op("Add", op("Gather", "tokens", "input_ids", axis=0), op("Gather", "positions", rows, axis=0))

    def attend(q, k, v, mask):
        scores = op("Mul", op("MatMul", q, op("Transpose", k, perm=[0, 1, 3, 2])), number(DEPTH**-0.5, np.float32))
        scores = op("Add", scores, mask) if mask else scores
        mixed = op("MatMul", op("Softmax", scores, axis=-1), v)
        return op("Reshape", op("Transpose", mixed, perm=[0, 2, 1, 3]), number([0, 0, HIDDEN]))

    q, k, v = (heads(op("MatMul", x, part)) for part in ("q", "k", "v"))
    if past:
        k = op("Concat", "past_key_values.0.decoder.key", k, axis=2, outputs=[name("decoder", "key")])
        v = op("Concat", "past_key_values.0.decoder.value", v, axis=2, outputs=[name("decoder", "value")])
    else:
        k = op("Identity", k, outputs=[name("decoder", "key")])
        v = op("Identity", v, outputs=[name("decoder", "value")])
    mask = None
    if masked:
        columns = op("Range", number(0), length, number(1))
        seen = op("LessOrEqual", op("Unsqueeze", columns, number([0])), op("Unsqueeze", rows, number([1])))
        mask = op("Where", seen, number(0.0, np.float32), number(-1e9, np.float32))
    x = op("Add", x, op("MatMul", attend(q, k, v, mask), "o"))
    q = heads(op("MatMul", x, "cross.q"))
    if past:
        k, v = "past_key_values.0.encoder.key", "past_key_values.0.encoder.value"
    else:
        k = op("Identity", heads(op("MatMul", "encoder_hidden_states", "cross.k")), outputs=[name("encoder", "key")])
        v = op("Identity", heads(op("MatMul", "encoder_hidden_states", "cross.v")), outputs=[name("encoder", "value")])
    x = op("Add", x, op("MatMul", attend(q, k, v, None), "cross.o"))
    op("Add", op("MatMul", x, "out"), "bias", outputs=[f"{out}logits"])


LOGITS = value("logits", TensorProto.FLOAT, ["batch", "tokens", VOCABULARY])
STATES = value("encoder_hidden_states", TensorProto.FLOAT, ["batch", "places", HIDDEN])


def ids(length):
    return value("input_ids", TensorProto.INT64, ["batch", length])


def save(name, graph, inputs, outputs, tensors):
    initializers = [numpy_helper.from_array(value, name) for name, value in tensors.items()] + graph.initializers()
    made = helper.make_graph(graph.nodes, "g", inputs, outputs, initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pagestream")
    onnx.checker.check_model(model)
    (FOLDER / name).write_bytes(model.SerializeToString(deterministic=True))


def save_merged():
    """One decoder with a branch for each case, as Optimum merges two; the second makes nothing of the encoder's."""
    around = Graph()
    whole = [LOGITS, *cache("present", "length")]
    branches = []
    for past in (True, False):
        prefix = "then." if past else "else."
        inner = Graph(prefix)
        decoder(inner, past, out=prefix)
        if past:
            for what in ("key", "value"):
                empty = inner.number(np.zeros([0, HEADS, 1, DEPTH]), np.float32)
                inner.op("Identity", empty, outputs=[f"{prefix}present.0.encoder.{what}"])
        outputs = [value(prefix + output.name, TensorProto.FLOAT, None) for output in whole]
        branches.append(helper.make_graph(inner.nodes, prefix, [], outputs, inner.initializers()))
    names = [output.name for output in whole]
    around.op("If", "use_cache_branch", outputs=names, then_branch=branches[0], else_branch=branches[1])
    switch = value("use_cache_branch", TensorProto.BOOL, [1])
    save("decoder_model_merged.onnx", around, [ids("tokens"), STATES, *cache("past_key_values", "before"), switch], whole, DECODER)


def pictures(count):
    """Grey levels, the same as the test draws."""
    state = 77
    for _ in range(count):
        levels = []
        for _ in range(HEIGHT * WIDTH):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            levels.append(state >> 56)
        yield np.array(levels, dtype=np.uint8).reshape(HEIGHT, WIDTH)


def greedy(encoder, model, levels):
    channel = (levels.astype(np.float32) / 255 - 0.5) / 0.5
    states = encoder.run(None, {"pixel_values": np.stack([channel] * 3)[None]})[0]
    tokens = [START]
    while len(tokens) <= LONGEST:
        feed = {"input_ids": np.array([tokens]), "encoder_hidden_states": states}
        token = int(model.run(["logits"], feed)[0][0, -1].argmax())
        if token == END:
            break
        tokens.append(token)
    return tokens[1:]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    encoder = Graph()
    conv = encoder.op("Conv", "pixel_values", "patches", strides=[PATCH, PATCH])
    flat = encoder.op("Reshape", conv, encoder.number([0, HIDDEN, -1]))
    encoder.op("Transpose", flat, perm=[0, 2, 1], outputs=["last_hidden_state"])
    pixels = value("pixel_values", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])
    states = value("last_hidden_state", TensorProto.FLOAT, ["batch", "places", HIDDEN])
    save("encoder_model.onnx", encoder, [pixels], [states], ENCODER)

    alone = Graph()
    decoder(alone, past=False)
    save("decoder_model.onnx", alone, [ids("tokens"), STATES], [LOGITS, *cache("present", "length")], DECODER)

    with_past = Graph()
    decoder(with_past, past=True, masked=False)
    outputs = [LOGITS, *cache("present", "length", ("decoder",))]
    tensors = {name: value for name, value in DECODER.items() if name not in ("cross.k", "cross.v")}
    save("decoder_with_past_model.onnx", with_past, [ids("tokens"), *cache("past_key_values", "before")], outputs, tensors)
    save_merged()

    load = lambda name: onnxruntime.InferenceSession(str(FOLDER / name))
    sessions = load("encoder_model.onnx"), load("decoder_model.onnx")
    written = [greedy(*sessions, levels) for levels in pictures(40)]
    rows = ",\n".join(json.dumps(tokens, separators=(",", ":")) for tokens in written)
    (FOLDER / "expected.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
