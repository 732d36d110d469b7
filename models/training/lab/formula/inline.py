"""Lines of text with formulas in them, and where in each line those stand.

python -m lab.formula.inline --count 400                   # documents and plain lines, drawn once, in LAB_WORK/inline
python -m lab.formula.inline --first 7 --sheet look.png

Pages of prose with formulas are set by pdflatex, the formulas in red: green is then the page as a scanner sees it, and where red is brighter is a formula.
Our own detector cuts the lines, which are worn and prepared as always. What a step stands in is a label for each of the recogniser's steps of 4 pixels.
"""
import random
import re
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from .. import degrade, teacher
from ..config import ROOT, Alphabet, arguments, work_dir
from ..evaluate_detector import Finder
from ..generate import WIDEST
from ..lines import LineGenerator
from ..preprocess import HEIGHT, STRIDE, resize_line
from ..text import TextSource
from .generate import real
from .grammar import Writer, mutated
from .latex import Unsupported, canonical
from .render import FONTS

LONGEST = 22  # tokens
PLAIN = 400  # lines in a shard of them
SIZE = 30  # of type, in pixels, for what wears it
GAP = 40  # pixels of a line of 32 between parts of one formula, at most
BEYOND_ASCII = re.compile(r"[^ -~]")
ESCAPED = str.maketrans({c: rf"\{c}" for c in "#$%&_{}"} | {"\\": "/", "^": "", "~": "-"})
NAMED = re.compile(r"\\(label|tag|ref|cite|begin|end|\\|text|mbox|displaystyle|limits|color)|&|\\\\")


def formula(rng: random.Random, writer: Writer, known: list[str]) -> str:
    """One that stands in a sentence: a letter, a letter with an index, a short relation."""
    while True:
        x = rng.random()
        if x < 0.22:
            source = writer.letter()
        elif x < 0.40:
            source = writer.scripted(writer.identifier())
        elif x < 0.65:
            source = writer.formula()
        else:
            source = rng.choice(known)
            if rng.random() < 0.6:
                source = mutated(source, rng)
        if len(source) > 90 or NAMED.search(source):
            continue
        try:
            tokens = canonical(source)
        except (Unsupported, RecursionError, IndexError, KeyError):
            continue
        # A number alone is the same in a formula and beside it.
        if len(tokens) <= LONGEST and any(t.isalpha() or t.startswith("\\") for t in tokens):
            return source


def decoy(rng: random.Random, word: str) -> str:
    """What looks like one and is none."""
    r = rng
    letter = r.choice("abcdefgimnopqrstvxyzABCDEFGHIKLMNPQRSTVX")
    kinds = (lambda: rf"\emph{{{word}}}", lambda: rf"\emph{{{word}}}", lambda: rf"\textbf{{{word}}}", lambda: rf"\texttt{{{word}}}", lambda: rf"\textsc{{{word}}}", lambda: str(r.randint(0, 3000)),
             lambda: f"{r.uniform(0, 99):.{r.randint(1, 3)}f}", lambda: f"[{r.randint(1, 99)}]", lambda: f"[{r.randint(1, 9)}, {r.randint(10, 99)}]", lambda: f"({letter})", lambda: f"({r.randint(1, 40)})",
             lambda: f"{r.choice(('Fig.', 'Eq.', 'Table', 'Section', 'Theorem', 'Lemma', 'p.'))}~{r.randint(1, 30)}", lambda: rf"{r.randint(1, 300)}~{r.choice(('mm', 'kg', 'km', 'Hz', 'GeV', 's', 'K', 'years', 'pages'))}",
             lambda: rf"{r.randint(1, 99)}\%", lambda: f"{letter}. {word.title()}", lambda: f"``{word}''", lambda: "i.e.", lambda: "e.g.", lambda: f"{r.randint(1800, 2030)}--{r.randint(1, 99)}", lambda: f"{word}\\footnotemark[{r.randint(1, 9)}]",
             lambda: f"{word}-{letter}", lambda: "A", lambda: "I", lambda: rf"\textit{{{letter}. {word}}}", lambda: f"{word}/{word}", lambda: f"{letter}{r.randint(1, 99)}", lambda: f"{word}:", lambda: rf"\url{{www.{word}.org/{letter}}}")
    return r.choice(kinds)()


def document(seed: int, alphabet: Alphabet, held_out: bool) -> str:
    rng = random.Random(seed)
    every = [s for i, s in enumerate(real()) if (i % 20 == 0) == held_out]
    known = [s for s in every if len(s) < 60 and not NAMED.search(s)]
    text, writer = TextSource(alphabet, rng, "held_out" if held_out else "train"), Writer(rng)
    font = rng.choices(list(FONTS), [f["weight"] for f in FONTS.values()])[0]
    head = rf"\documentclass[{rng.choice((10, 10, 11, 12))}pt{rng.choice(('', ',twocolumn'))}]{{article}}"
    head += "" if font == "cm" else r"\usepackage[T1]{fontenc}"
    head += r"\usepackage{amsmath}" + ("" if font == "stix" else r"\usepackage{amssymb}\usepackage{mathrsfs}") + FONTS[font]["use"] + r"\usepackage{bm,color,url}"
    head += rf"\usepackage[a4paper,margin={rng.randint(15, 38)}mm]{{geometry}}\providecommand{{\Bbb}}{{\mathbb}}\providecommand{{\frak}}{{\mathfrak}}\providecommand{{\mathscr}}{{\mathcal}}\providecommand{{\dddot}}[1]{{\dot{{#1}}}}"
    head += r"\newcommand{\F}[1]{{\color{red}$#1$}}\sloppy\scrollmode\begin{document}"
    body, share, false = [], rng.uniform(0.03, 0.25), rng.uniform(0.01, 0.08)
    for _ in range(14):
        paragraph = BEYOND_ASCII.sub("", " ".join(text.excerpt(rng.choices(text.prose, text.weights)[0][1], rng.randint(100, 900)).split())).translate(ESCAPED)
        words = []
        for word in paragraph.split(" "):
            words.append(word)
            x = rng.random()
            if x < share:
                words.append(rf"\F{{{formula(rng, writer, known)}}}" + rng.choice(("", "", "", "", ",", ",", ".", ";", ":", ")", "-" + word)))
            elif x < share + false and word.isalpha():
                words.append(decoy(rng, word))
        if rng.random() < 0.15:
            body.append(rf"\section{{{BEYOND_ASCII.sub('', text.excerpt(text.prose[0][1], rng.randint(10, 40))).translate(ESCAPED)}}}")
        body.append(" ".join(words))
    return head + "\n\n".join(body) + r"\end{document}"


def pages(seed: int, alphabet: Alphabet, held_out: bool):
    """[(gray page, 1 where a formula's ink is)], two of a document."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.tex").write_text(document(seed, alphabet, held_out))
        quiet = dict(cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90)
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "a.tex"], **quiet)
        subprocess.run(["pdftoppm", "-r", str(rng.choice((110, 130, 150, 150, 200, 200, 250, 300))), "-l", "2", "-png", "a.pdf", "p"], **quiet)
        for path in sorted(Path(folder).glob("p*.png")):
            _, green, red = cv2.split(cv2.imread(str(path)))
            yield green, (red.astype(int) - green > 60).astype(np.uint8)


def worn(gray: np.ndarray, n: np.random.Generator) -> np.ndarray:
    """As printing and scanning wear it, without moving anything."""
    ink = 1 - gray.astype(np.float32) / 255
    if n.random() < 0.3:
        return gray
    if n.random() < 0.2:
        ink = degrade.spread(ink, n, SIZE)
    if n.random() < 0.3:
        ink = degrade.uneven_ink(ink, n, SIZE, n.uniform(0.1, 0.5))
    if n.random() < 0.4:
        ink = degrade.blur(ink, n, SIZE)
    if n.random() < 0.3:
        ink = degrade.bilevel(ink, n, SIZE)
    return degrade.paper(ink, n)


def labels(mask: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """Of a line's crop at 32 high: for each step 1 in a formula, 0 beside it. What is empty between parts of a formula is the formula's."""
    # What hangs into the crop from the lines above and below is not this line's.
    red = mask[4:HEIGHT - 3].any(0)
    black = ((gray < 128) & (mask == 0)).sum(0) > 0
    columns = red.copy()
    at = np.flatnonzero(red)
    for a, b in zip(at, at[1:]):
        if b - a <= GAP and not black[a + 1:b].any():
            columns[a:b] = True
    width = -(-len(columns) // STRIDE) * STRIDE
    return np.pad(columns, (0, width - len(columns))).reshape(-1, STRIDE).mean(1) >= 0.5


def lines(seed: int, alphabet: Alphabet, finder: Finder, held_out: bool):
    """[(line u8 [32, w], labels [steps])]"""
    n = np.random.default_rng(seed)
    for gray, mask in pages(seed, alphabet, held_out):
        page = worn(gray, n)
        for box in finder.boxes(page):
            crop, inside, clean = teacher.crop(page, box), teacher.crop(mask * 255, box), teacher.crop(gray, box)
            if min(crop.shape) < 6 or crop.shape[0] > crop.shape[1]:
                continue
            line = resize_line(crop)
            fit = lambda a: cv2.resize(a, (line.shape[1], HEIGHT), interpolation=cv2.INTER_AREA)
            yield line, labels((fit(inside) > 60).astype(np.uint8), fit(clean))


def shard(seed: int, alphabet: Alphabet, finder: Finder, held_out: bool):
    """Lines of one document, drawn once."""
    path = work_dir() / "inline" / f"{'held_out' if held_out else 'train'}-{seed}.npz"
    if not path.exists():
        write(path, list(lines(seed * 2 + held_out, alphabet, finder, held_out)))
    yield from read(path)


def write(path: Path, found):
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}")
    np.savez(part, widths=np.array([line.shape[1] for line, _ in found], int), lines=np.concatenate([line.T for line, _ in found] or [np.zeros((0, HEIGHT), np.uint8)]),
             labels=np.concatenate([label for _, label in found] or [np.zeros(0, bool)]))
    part.rename(path)


def read(path: Path):
    data = np.load(path)
    at = step = 0
    for width in data["widths"]:
        steps = -(-int(width) // STRIDE)
        yield np.ascontiguousarray(data["lines"][at:at + width].T), data["labels"][step:step + steps]
        at, step = at + width, step + steps


def plain_shard(seed: int, alphabet: Alphabet, held_out: bool):
    """Lines without formulas, from every font and with all that lines are worn by, drawn once: as many as PLAIN."""
    part = "held_out" if held_out else "train"
    path = work_dir() / "inline" / f"plain-{part}-{seed}.npz"
    if not path.exists():
        generator, found = LineGenerator(alphabet, 77_003 * (seed + 1) + held_out, part), []
        generator.text.with_formulas = generator.text.styled
        while len(found) < PLAIN:
            try:
                drawn = generator.line()
            except OSError:  # a glyph that the rasteriser refuses
                continue
            if drawn and drawn[1] and drawn[0].shape[1] < WIDEST:
                found.append((drawn[0], np.zeros(-(-drawn[0].shape[1] // STRIDE), bool)))
        write(path, found)
    yield from read(path)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200, help="documents of two pages")
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--sheet", type=Path, help="write a PNG of the first document's lines here instead")
    args = parser.parse_args()
    alphabet = Alphabet.load(args.alphabet)
    finder = Finder(ROOT.parent / "shipped" / "detector.onnx")
    if args.sheet:
        rows = []
        for line, label in list(lines(2 * args.first, alphabet, finder, False))[:40]:
            row = np.full((40, 1400), 255, np.uint8)
            row[:32, :line.shape[1]] = line[:, :1400]
            row[33:38, :len(label) * STRIDE] = 255 - np.repeat(label, STRIDE)[None, :1400] * 200
            rows.append(row)
        cv2.imwrite(str(args.sheet), np.vstack(rows))
        return
    for held_out, first, count in ((True, 0, args.held_out), (False, args.first, args.count)):
        for seed in range(first, first + count):
            sum(1 for _ in shard(seed, alphabet, finder, held_out))
            if seed % 2 == 0:
                sum(1 for _ in plain_shard(seed // 2, alphabet, held_out))


if __name__ == "__main__":
    main()
