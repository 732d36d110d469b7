"""The parts of formulas' pictures, and which symbol each is of.

python -m lab.formula.glyphs --first 0 --count 60            # shards of 500 formulas, some 12,000 parts, in LAB_WORK/glyphs
python -m lab.formula.glyphs --first 900000 --count 2        # held out
python -m lab.formula.glyphs --first 7 --sheet look.png

Formulas are set by pdflatex, one a page; what stands where is asked of pagestream's own reader of PDFs (`cargo run -p pagestream-documents --features lab
--example glyphs`), so that symbols have the names that its reader of formulas knows. Pages are rasterised, worn without being moved, and cut into connected parts.
"""
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from .. import degrade
from ..config import ROOT, arguments, work_dir
from .generate import choose, real
from .parts import cut, cuts, inputs, parts_of
from .render import FONTS, preamble, settable

DOCUMENT = 500
TALL, HELD_OUT = 300_000, 900_000  # documents from these numbers on have only matrices and lines below each other; are held out
RESOLUTIONS = {80: 2, 90: 2, 100: 3, 110: 3, 120: 3, 135: 2, 150: 3, 175: 2, 200: 6, 250: 2, 300: 3}
# Pieces of tall brackets, as Unicode and as fonts of TeX have them.
PIECES = {"(": "\u239b\u239c\u239d\uf8eb\uf8ec\uf8ed", ")": "\u239e\u239f\u23a0\uf8f6\uf8f7\uf8f8", "[": "\u23a1\u23a2\u23a3\uf8ee\uf8ef\uf8f0", "]": "\u23a4\u23a5\u23a6\uf8f9\uf8fa\uf8fb",
          "{": "\u23a7\u23a8\u23a9\uf8f1\uf8f2\uf8f3", "}": "\u23ab\u23ac\u23ad\uf8fc\uf8fd\uf8fe"}
BRACKETS = {piece: bracket for bracket, pieces in PIECES.items() for piece in pieces}
EXTENSION = "\u23aa\uf8f4"  # of braces of either side
COMBINED = {"−→": "⟶", "=⇒": "⟹", "−←": "⟵", "=⇐": "⟸", "⇐⇒": "⟺", "←→": "⟷", "∣→": "↦", "|→": "↦", "7→": "↦", "\u0338=": "≠", "\u0338∈": "∉", "\u0338≡": "≢", "\u0338∼": "≁", "\u0338⊂": "⊄", "\u0338⊆": "⊈", "|=": "⊨", "∣=": "⊨",
            "⇒⟹": "⟹", "∼−": "≃", "−∼": "≃", "↪→": "↪", "→↪": "↪"}
COMBINED = {"".join(sorted(k)): v for k, v in COMBINED.items()}
LYING = {"︷": "⏞", "︸": "⏟"}  # pieces of braces that lie, and the braces that begin with them
SEVERAL, BAR = "several", "bar"


def document(seed: int, known, folder: Path):
    """Pages of one document: [(picture, symbols in pixels, bars in pixels)]."""
    rng = random.Random(seed)
    font = rng.choices(list(FONTS), [f["weight"] for f in FONTS.values()])[0]
    resolution = rng.choices(list(RESOLUTIONS), RESOLUTIONS.values())[0]
    def source(k):
        while True:
            found = choose(rng, known, k % 4 == 0 and not TALL <= seed < HELD_OUT, seed >= HELD_OUT)[0]
            if not TALL <= seed < HELD_OUT or r"\begin" in found:
                return found
    sources = [source(k) for k in range(DOCUMENT)]
    # signs that hang from their origins are on the page, too
    head = preamble(font, rng.choice([10, 10, 11, 12])).replace(r"\PreviewBorder}{2pt}", r"\PreviewBorder}{14pt}")
    gap = rf"\hspace{{{rng.choice([1, 2, 3, 5])}em}}"
    lines = [rf"\begin{{preview}}\leavevmode\hbox\bgroup$" + ("" if rng.random() < 0.25 else r"\displaystyle ") + settable(s, gap) + r" $\egroup\end{preview}" for s in sources]
    (folder / "a.tex").write_text(head + "\n".join(lines) + "\n\\end{document}\n", encoding="utf-8")
    quiet = dict(cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "a.tex"], **quiet)
    subprocess.run(["pdftoppm", "-gray", "-r", str(resolution), "a.pdf", "p"], **quiet)
    reader = os.environ.get("LAB_GLYPH_READER", str(ROOT.parent.parent / "target/release/examples/glyphs"))
    said = subprocess.run([reader, str(folder / "a.pdf")], capture_output=True, check=True).stdout.decode().splitlines()
    pictures = sorted(folder.glob("p-*.pgm"))
    scale = resolution / 72
    for path, line in zip(pictures, said, strict=True):
        page = json.loads(line)
        for symbol in page["symbols"]:
            symbol["rect"] = [v * scale for v in symbol["rect"]]
            symbol["baseline"] *= scale
            symbol["size"] *= scale
        yield cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), page["symbols"], [[v * scale for v in bar] for bar in page["bars"]]


def worn(grey, n: np.random.Generator, size: float):
    """As `augment.worn`, but nothing moves."""
    if n.random() < 0.4:
        return grey
    a = 1 - grey.astype(np.float32) / 255
    # what is fine already would not be seen any more
    is_coarse = size < 24
    if n.random() < 0.15 and not is_coarse:
        a = degrade.spread(a, n, size)
    if n.random() < 0.1:
        a = degrade.uneven_ink(a, n, size, n.uniform(0.1, 0.3))
    if n.random() < 0.4:
        a = cv2.GaussianBlur(a, (0, 0), n.uniform(0.25, max(0.3, 0.02 * size)))
    x = n.random()
    if x < 0.3 and not is_coarse:
        a = degrade.bilevel(a, n, size * 0.6)
    elif x < 0.7:
        return degrade.paper(np.clip(a, 0, 1), n)
    elif x < 0.85:
        a = np.clip(a * n.uniform(0.6, 1.6), 0, 1)
    return 255 - (np.clip(a, 0, 1) * 255).astype(np.uint8)


def name(symbol) -> str:
    text = BRACKETS.get(symbol["text"], symbol["text"])
    return f"{text} {symbol['letters']}"


def placed(symbols, factor: float):
    """(name, box, em, baseline) of each, in pixels of a picture that was scaled."""
    return [(name(s), np.array(s["rect"]) * factor, s["size"] * factor, s["baseline"] * factor) for s in symbols]


def labelled(parts, symbols, bars):
    """Of each part its class, em and baseline; None where that is not known."""
    labels, ink, boxes, factor = parts.labels, parts.labels > 0, parts.boxes, parts.factor
    glyphs = placed(symbols, factor)
    glyphs += [(BAR, np.array(b) * factor, 0.0, (b[1] + b[3]) / 2 * factor) for b in bars]
    # a rectangle of no height still has ink
    rects = np.array([r for _, r, _, _ in glyphs]).reshape(-1, 4)
    grow = 1.0 + 0.5 * factor
    outer = rects + np.array([-grow, -grow, grow, grow])
    areas = (outer[:, 2] - outer[:, 0]) * (outer[:, 3] - outer[:, 1])
    out = []
    for k, (left, top, right, bottom) in enumerate(boxes):
        inside = (outer[:, 0] <= left) & (outer[:, 1] <= top) & (outer[:, 2] >= right) & (outer[:, 3] >= bottom)
        touched = []
        for g in np.nonzero((rects[:, 0] < right) & (rects[:, 2] > left) & (rects[:, 1] - 1 < bottom) & (rects[:, 3] + 1 > top))[0]:
            l, t, r, b = rects[g]
            l, t, r, b = int(max(0, np.floor(l))), int(max(0, np.floor(t))), int(np.ceil(r)), int(np.ceil(b))
            own = (labels[t:b, l:r] == parts.numbers[k]).sum()
            if own > 0.6 * max(1, ink[t:b, l:r].sum()):
                touched.append(g)
        if inside.any():
            g = int(np.flatnonzero(inside)[np.argmin(areas[inside])])
            # others whose ink it has as well, and which are no pieces of the same
            others = {glyphs[t][0] for t in touched if t != g and areas[t] < areas[g] and glyphs[t][0] != glyphs[g][0]}
            out.append((glyphs[g][0], g) if not others else combined([g, *[t for t in touched if t != g]], glyphs))
        elif len(touched) == 1:
            # spread ink reaches over its outline
            l, t, r, b = outer[touched[0]]
            out.append((glyphs[touched[0]][0], touched[0]) if l - left < 3 and t - top < 3 and right - r < 3 and bottom - b < 3 else None)
        elif touched:
            out.append(combined(touched, glyphs))
        else:
            out.append(None)
    return [None if o is None else (o[0], o[1], glyphs[o[1]][2], glyphs[o[1]][3]) for o in out]


def halves(parts, k, truth, glyphs, n):
    """Cuts of a part through several symbols, or wrongly through one: (the two halves, what each is). Half of a symbol is several's."""
    places = cuts(parts, k)
    said = truth[k]
    if not places:
        return
    if said[0] != SEVERAL:
        two = cut(parts, k, *places[n.integers(len(places))])
        if two is not None:
            yield two, [(SEVERAL, said[1], 0.0, 0.0)] * 2
        return
    for axis, at in places:
        two = cut(parts, k, axis, at)
        if two is None:
            continue
        told = []
        for number, box in zip(two.numbers, two.boxes):
            inside = [g for g, (_, r, _, _) in enumerate(glyphs) if r[0] >= box[0] - 2.5 and r[1] >= box[1] - 2.5 and r[2] <= box[2] + 2.5 and r[3] <= box[3] + 2.5 and own_share(two, number, r) > 0.6]
            reaches = inside and all(abs(a - b) < 3.5 for a, b in zip(glyphs[inside[0]][1], box))
            told.append((glyphs[inside[0]][0], inside[0], *glyphs[inside[0]][2:]) if len(inside) == 1 and reaches else (SEVERAL, k, 0.0, 0.0))
        # wrong cuts are many; one in three is enough
        if told[0][0] != SEVERAL or told[1][0] != SEVERAL or n.random() < 0.35:
            yield two, told


def own_share(parts, number, rect):
    l, t, r, b = (int(v) for v in (max(0, np.floor(rect[0])), max(0, np.floor(rect[1])), np.ceil(rect[2]), np.ceil(rect[3])))
    return (parts.labels[t:b, l:r] == number).sum() / max(1, (parts.labels[t:b, l:r] > 0).sum())


def combined(found, glyphs):
    found = [g for g in found if glyphs[g][0][0] not in EXTENSION] or found
    names = [glyphs[g][0] for g in found]
    others = [n for n in names if n != BAR]
    first = found[0]
    if any(n.startswith("√") for n in names):
        roots = [g for g in found if glyphs[g][0].startswith("√")]
        return ("√ Plain", roots[0]) if all(n.startswith("√") or n == BAR or n[0] in "\u23b7\ue001\ufffd" for n in names) else (SEVERAL, first)
    if others and all(n[0] in LYING for n in others):
        # which brace it is its left end tells
        left = min((g for g in found if glyphs[g][0] != BAR), key=lambda g: glyphs[g][1][0])
        return f"{LYING[glyphs[left][0][0]]} Plain", left
    if len(set(names)) == 1 and others and others[0][0] in "()[]{}|‖":
        return names[0], first
    signs = "".join(sorted(n.split(" ")[0] for n in names if n != BAR))
    if len(others) == len(names) and signs in COMBINED:
        return f"{COMBINED[signs]} Plain", max(found, key=lambda g: glyphs[g][1][2] - glyphs[g][1][0])
    return SEVERAL, first


def make(seed: int, known, folder: Path):
    path = folder / f"{seed:06d}.npz"
    if path.exists():
        return
    start, n = time.time(), np.random.default_rng(seed)
    pictures, names, numbers, group, where, page_of = [], [], [], [], [], []
    with tempfile.TemporaryDirectory(prefix="glyphs-") as work:
        for page, (grey, symbols, bars) in enumerate(document(seed, known, Path(work))):
            if grey.shape[0] * grey.shape[1] > 1_500_000 or not symbols:
                continue
            sizes = sorted(s["size"] for s in symbols)
            parts = parts_of(worn(np.pad(grey, 2, constant_values=255), n, sizes[-1]))
            # what is in pieces cannot be read
            if parts is None or len(parts.boxes) > min(400, 8 + 1.6 * len(symbols)):
                continue
            for s in symbols:
                s["rect"] = [v + 2 for v in s["rect"]]
                s["baseline"] += 2
            truth = labelled(parts, symbols, [[v + 2 for v in b] for b in bars])
            glyphs = placed(symbols, parts.factor)
            seen = [(parts, truth, page)]
            for k, said in enumerate(truth):
                if said is not None and (said[0] == SEVERAL or n.random() < 0.02):
                    # not to be put together with others
                    seen += [(*two, 10_000 + page) for two in halves(parts, k, truth, glyphs, n)]
            for own, told, number in seen:
                tensor = inputs(own)
                for k, said in enumerate(told):
                    if said is None:
                        continue
                    text, g, em, baseline = said
                    left, top, right, bottom = own.boxes[k]
                    pictures.append(tensor[k])
                    names.append(text)
                    group.append(g)
                    page_of.append(number)
                    where.append(own.boxes[k])
                    numbers.append((np.log2(em / own.size) if em else np.nan, (baseline - (top + bottom) / 2) / own.size if em else np.nan, own.size))
    classes = sorted(set(names))
    index = {c: i for i, c in enumerate(classes)}
    temporary = folder / f".{seed:06d}.{os.getpid()}.npz"
    np.savez_compressed(temporary, pictures=np.stack(pictures), names=np.array(classes), labels=np.array([index[c] for c in names], np.int16), numbers=np.array(numbers, np.float32),
                        group=np.array(group, np.int16), where=np.array(where, np.int16), page=np.array(page_of, np.int16))
    temporary.rename(path)
    print(f"{path.name}: {len(names)} parts, {len(classes)} classes, {names.count(SEVERAL)} of several, {time.time() - start:.0f} s", flush=True)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    every = real()
    known = [s for i, s in enumerate(every) if (i % 20 == 0) == (args.first >= HELD_OUT)]
    if args.sheet:
        n, rows = np.random.default_rng(args.first), []
        with tempfile.TemporaryDirectory(prefix="glyphs-") as work:
            for grey, symbols, bars in list(document(args.first, known, Path(work)))[:12]:
                parts = parts_of(worn(grey, n, max(s["size"] for s in symbols)))
                shown = cv2.cvtColor(255 - (parts.ink * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
                for box, said in zip(parts.boxes, labelled(parts, symbols, bars)):
                    left, top, right, bottom = map(int, box)
                    colour = (0, 0, 255) if said is None else (255, 0, 255) if said[0] == SEVERAL else (0, 140, 0) if said[0] == BAR else (255, 100, 0)
                    cv2.rectangle(shown, (left - 1, top - 1), (right, bottom), colour, 1)
                    print("-" if said is None else said[0].replace(" Plain", ""), end="  ")
                print()
                rows.append(np.pad(shown[:, :1400], ((4, 4), (0, 1400 - min(1400, shown.shape[1])), (0, 0)), constant_values=255))
        cv2.imwrite(str(args.sheet), np.vstack(rows))
        return
    folder = work_dir() / "glyphs"
    folder.mkdir(exist_ok=True)
    for seed in range(args.first, args.first + args.count):
        make(seed, known, folder)


if __name__ == "__main__":
    main()
