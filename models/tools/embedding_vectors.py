"""What models/tests/embedding.rs and models/src/embedding/tests.rs compare with, out of implementations that are not ours:
Hugging Face's `tokenizers` 0.23 and a BERT in numpy, in double precision.

    pip install numpy tokenizers; python embedding_vectors.py FOLDER_OF_THE_PUBLISHED_MODEL models/tests/data

Writes words.txt (digests of the word pieces of odd strings), tiny.f32 (vectors of a small random encoder) and minilm.f32 (vectors of the
published one).
"""
import hashlib
import json
import struct
import sys
from math import erf

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

# Both sides make the same strings and weights of these.
RANGES = [
    (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x41, 0x5A), (0x20, 0x20), (0x00, 0x1F), (0x80, 0xFF), (0x100, 0x17F), (0x180, 0x24F),
    (0x300, 0x36F), (0x386, 0x3CE), (0x400, 0x45F), (0x5D0, 0x5EA), (0x621, 0x652), (0x905, 0x94D), (0xE01, 0xE3A), (0x1E00, 0x1EFF),
    (0x2000, 0x206F), (0x2070, 0x2071), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x22FF), (0x2E00, 0x2E42), (0x3000, 0x303F),
    (0x3041, 0x3096), (0x30A1, 0x30FF), (0x4E00, 0x4E80), (0xAC00, 0xAC80), (0xE000, 0xE010), (0xF900, 0xF920), (0xFB00, 0xFB06),
    (0xFE30, 0xFE4F), (0xFF00, 0xFF65), (0xFFFC, 0xFFFD), (0x1F600, 0x1F640), (0x20000, 0x20020), (0x2F800, 0x2F820),
]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "##ing", "##ed", "an", "##an", "st", "##st", "ss", "##ss", "日", "##日"]


class Numbers:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 40

    def floats(self, count):
        return np.array([self.next() / 2**23 - 1 for _ in range(count)], "<f4")


def words(path):
    letters = [chr(c) for c in range(0x21, 0x250)] + [chr(c) for c in range(0x386, 0x460)]
    vocabulary = {}
    for piece in PIECES + letters + ["##" + letter for letter in letters]:
        vocabulary.setdefault(piece, len(vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    numbers, lines = Numbers(7), []
    for _ in range(64):
        digest = hashlib.sha256()
        for _ in range(64):
            text = ""
            for _ in range(1 + numbers.next() % 60):
                first, last = RANGES[numbers.next() % len(RANGES)]
                text += chr(first + numbers.next() % (last - first + 1))
            if numbers.next() % 16 == 0:
                text += "a" * (95 + numbers.next() % 10)
            ids = tokenizer.encode(text).ids
            digest.update(struct.pack(f"<I{len(ids)}I", len(ids), *ids))
        lines.append(digest.hexdigest()[:16])
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return vocabulary


def vector(weights, ids, layers, heads):
    """A BERT encoder, its outputs' mean of length one."""
    linear = lambda x, name: x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[name + ".weight"] + weights[name + ".bias"]

    count = len(ids)
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:count]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    depth = x.shape[1] // heads
    for layer in range(layers):
        of = f"encoder.layer.{layer}."
        split = lambda part: linear(x, of + "attention.self." + part).reshape(count, heads, depth).transpose(1, 0, 2)
        scores = split("query") @ split("key").transpose(0, 2, 1) / np.sqrt(depth)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        context = (shares @ split("value")).transpose(1, 0, 2).reshape(count, -1)
        x = norm(x + linear(context, of + "attention.output.dense"), of + "attention.output.LayerNorm")
        up = linear(x, of + "intermediate.dense")
        up = up * (1 + np.vectorize(erf)(up / np.sqrt(2))) / 2
        x = norm(x + linear(up, of + "output.dense"), of + "output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def tiny():
    """Names and shapes in the order in which both sides draw their weights."""
    width, inner, vocabulary = 32, 64, 40
    shapes = [("embeddings.word_embeddings.weight", (vocabulary, width)), ("embeddings.position_embeddings.weight", (256, width)),
              ("embeddings.token_type_embeddings.weight", (2, width)), ("embeddings.LayerNorm.weight", (width,)),
              ("embeddings.LayerNorm.bias", (width,))]
    for layer in range(2):
        for name, rows, columns in [("attention.self.query", width, width), ("attention.self.key", width, width),
                                    ("attention.self.value", width, width), ("attention.output.dense", width, width),
                                    ("intermediate.dense", inner, width), ("output.dense", width, inner)]:
            shapes += [(f"encoder.layer.{layer}.{name}.weight", (rows, columns)), (f"encoder.layer.{layer}.{name}.bias", (rows,))]
        for name in ["attention.output.LayerNorm", "output.LayerNorm"]:
            shapes += [(f"encoder.layer.{layer}.{name}.weight", (width,)), (f"encoder.layer.{layer}.{name}.bias", (width,))]
    numbers = Numbers(11)
    return {name: numbers.floats(int(np.prod(shape))).reshape(shape).astype("f8") for name, shape in shapes}


TINY = [[2, 3], [2, 5, 6, 7, 3], [2] + list(range(4, 40)) + [3]]
SENTENCES = [
    "A man is eating a piece of bread.",
    "The contract ends on 31 December 2026; notice is three months.",
    "Ärztliche Bescheinigung über die Arbeitsunfähigkeit",
    "invoice total 1,234.56 EUR",
]


def main():
    published, to = sys.argv[1:]
    words(f"{to}/words.txt")
    weights = tiny()
    np.array([vector(weights, ids, 2, 4) for ids in TINY], "<f4").tofile(f"{to}/tiny.f32")
    with open(f"{published}/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    weights = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            first, last = entry["data_offsets"]
            weights[name] = np.frombuffer(data[first:last], "<f4").reshape(entry["shape"]).astype("f8")
    tokenizer = Tokenizer.from_file(f"{published}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vectors = [vector(weights, tokenizer.encode(sentence).ids, 6, 12) for sentence in SENTENCES]
    np.array(vectors, "<f4").tofile(f"{to}/minilm.f32")


if __name__ == "__main__":
    main()
