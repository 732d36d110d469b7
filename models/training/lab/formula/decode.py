"""From a picture to tokens: greedy or beam search that the grammar keeps on the rails, so that what comes out always parses."""
import numpy as np
import torch

from .latex import END, INDEX, START, VOCABULARY, Grammar
from .model import LONGEST

_masks: dict = {}


def allowed(grammar: Grammar) -> np.ndarray:
    """Which tokens may come next."""
    key = grammar.key()
    if key not in _masks:
        _masks[key] = np.array([grammar.allows(t) for t in VOCABULARY])
    return _masks[key]


class TorchSession:
    """The network as a decoder sees it: `encode` once, then `step` with as many rows as there are hypotheses."""

    def __init__(self, net):
        self.net = net.eval()

    @torch.no_grad()
    def encode(self, x: np.ndarray):
        return self.net.memory(self.net.encoder(torch.from_numpy(x)))

    def start(self):
        net = self.net
        return torch.zeros(len(net.layers), 2, 1, net.heads, 0, net.width // net.heads)

    @torch.no_grad()
    def step(self, tokens, cross, past):
        logits, past = self.net.decode(torch.tensor(tokens)[:, None], cross.expand(-1, -1, len(tokens), -1, -1, -1), past, torch.zeros(1, past.shape[4] + 1))
        return logits[:, -1].numpy(), past

    def select(self, past, rows):
        return past[:, :, rows]


class OnnxSession:
    """The exported files (`export.py` has their contract). `past` are the keys and values of all tokens so far, of each layer."""

    def __init__(self, encoder, decoder):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # weights kept in int8 become f32 once
        self.encoder, self.decoder = (onnxruntime.InferenceSession(str(p), options, providers=["CPUExecutionProvider"]) for p in (encoder, decoder))
        self.crossing = [o.name for o in self.encoder.get_outputs()]
        self.kept = [o.name for o in self.decoder.get_outputs()][1:]
        _, self.heads, self.depth, _ = next(i.shape for i in self.decoder.get_inputs() if i.name == "past.keys.0")

    def encode(self, x):
        return dict(zip(self.crossing, self.encoder.run(None, {"image": x})))

    def start(self):
        return None

    def run(self, tokens, cross, past):
        """tokens [n, t], all after the same number of others -> logits [n, t, vocabulary], past"""
        n, t = tokens.shape
        rows = len(cross["keys.0"])
        if rows != n:
            cross = {name: np.repeat(values, n // rows, 0) for name, values in cross.items()}
        if past is None:
            past = {name.replace("new", "past"): np.zeros((n, self.heads, *((self.depth, 0) if "keys" in name else (0, self.depth))), np.float32) for name in self.kept}
        before = past["past.keys.0"].shape[3]
        late = np.arange(before + t)[None] > np.arange(t)[:, None] + before
        inputs = {"tokens": tokens, "positions": np.tile(np.arange(before, before + t), (n, 1)), "seen": np.repeat(np.where(late, -1e9, 0).astype(np.float32)[None], n, 0),
                  "places": np.zeros((n, cross["keys.0"].shape[3]), np.float32)}
        logits, *new = self.decoder.run(None, inputs | cross | past)
        joined = {name.replace("new", "past"): np.concatenate([past[name.replace("new", "past")], values], 3 if "keys" in name else 2) for name, values in zip(self.kept, new)}
        return logits, joined

    def step(self, tokens, cross, past):
        logits, past = self.run(np.array(tokens, np.int64)[:, None], cross, past)
        return logits[:, -1], past

    def select(self, past, rows):
        return {name: values[rows] for name, values in past.items()}


def decode(session, x: np.ndarray, beam: int = 1, longest: int = LONGEST - 8, constrained: bool = True):
    """-> tokens, mean log probability. `x` is preprocess.tensor's."""
    cross, past = session.encode(x), session.start()
    live = [(0.0, [], Grammar())]
    finished = []
    for length in range(longest):
        logits, past = session.step([t[-1] if t else START for _, t, _ in live], cross, past)
        scores = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) - logits.max(1, keepdims=True)
        candidates = []
        for row, (total, tokens, grammar) in enumerate(live):
            mask = allowed(grammar) if constrained else np.ones(len(VOCABULARY), bool)
            line = np.where(mask, scores[row], -np.inf)
            for token in np.argsort(-line)[:beam]:
                if np.isfinite(line[token]):
                    candidates.append((total + float(line[token]), row, int(token)))
        candidates.sort(reverse=True)
        rows, grown = [], []
        for total, row, token in candidates[:beam]:
            if token == END:
                finished.append((total / (len(live[row][1]) + 1), live[row][1]))
                continue
            grammar = live[row][2].copy()
            if constrained:
                grammar.step(VOCABULARY[token])
            grown.append((total, live[row][1] + [token], grammar))
            rows.append(row)
        if not grown or len(finished) >= beam:
            break
        live, past = grown, session.select(past, rows)
    if not finished:
        total, tokens, grammar = live[0]
        closing = [INDEX[t] for t in grammar.closing()] if constrained else []
        finished.append((total / max(1, len(tokens)), tokens + closing))
    score, tokens = max(finished)
    return [VOCABULARY[t] for t in tokens], score
