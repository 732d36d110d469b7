"""make.py OUT CORPORA [a|b]: dense pages that LaTeX sets, 3,000 characters and more, clean and scanned, with their truth; a folder a kind.

    venv/bin/pip install pillow==13.0.0 numpy==2.4.6
    venv/bin/python benches/dense/make.py pages "$PAGESTREAM_CORPORA" a
    pagestream eval --truth pages --quality balanced --ocr always

Prose of the corpora's old books in ten faces, with what a paper has beside it: emphasis, references, formulas in the line that can be said in plain text, program text, tables of numbers.
At 150, 200 and 300 dpi, each clean and as a scanner leaves it: blurred, askew by up to half a degree, noisy, in two tones or as JPEG. Limits were chosen by the half `a`; `b` has other books, other
faces and other chances. Needs pdflatex with lmodern, cm-super and the fonts of texlive-fonts-recommended, and poppler's pdftoppm."""

import io
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageFilter

OUT, CORPORA = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
HALF = sys.argv[3] if len(sys.argv) > 3 else "b"
SEED = {"a": 4, "b": 9}[HALF]
chance, noise = random.Random(SEED), np.random.default_rng(SEED)
BOOKS = {"a": "aci", "b": "ft"}[HALF]
FACES = {
    "a": ["", r"\usepackage{lmodern}", r"\usepackage{mathptmx}", r"\usepackage{charter}", r"\renewcommand{\familydefault}{\sfdefault}"],
    "b": ["", r"\usepackage{lmodern}\usepackage{microtype}", r"\usepackage{mathpazo}", r"\usepackage{newcent}", r"\usepackage[scaled]{helvet}\renewcommand{\familydefault}{\sfdefault}"],
}[HALF]
SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}


def prose():
    """Words of the books, in plain characters that every face has."""
    words = []
    for file in sorted((CORPORA / "ocr/old-books-dataset").glob("*.txt")):
        if file.name[0] in BOOKS:
            words += re.sub(r"-\n", "", file.read_text(encoding="utf-8")).split()
    words = [word for word in words if re.fullmatch(r"[A-Za-z0-9.,;:!?'()-]+", word) and "--" not in word]
    start = chance.randrange(len(words))
    while True:
        yield words[start % len(words)]
        start += 1


def small_formula():
    """A formula that is the same in plain text, and that text."""
    a, b, c = (chance.choice("abcdhkmnpqstxyz") for _ in range(3))
    n, k = chance.randint(2, 99), chance.randint(2, 9)
    return chance.choice([
        (f"${a} = {n}$", f"{a} = {n}"),
        (f"${a} + {b} = {c}$", f"{a} + {b} = {c}"),
        (f"${a} < {n}$", f"{a} < {n}"),
        (rf"$f({a}) = {k}{b} + {n}$", f"f({a}) = {k}{b} + {n}"),
        (rf"$({a}, {b})$", f"({a}, {b})"),
        (rf"${n} \times {k}$", f"{n} × {k}"),
        (rf"${n} \pm {k}$", f"{n} ± {k}"),
    ])


def paragraph(words, length):
    """LaTeX and plain text of a paragraph of so many words."""
    source, plain = [], []
    while len(plain) < length:
        word = next(words)
        kind = chance.random()
        if kind < 0.012:
            tex, word = small_formula()
        elif kind < 0.02:
            word = f"[{chance.randint(1, 60)}]"
            tex = word
        elif kind < 0.03:
            word = f"{chance.choice(['Fig.', 'Table', 'Section', 'Eq.'])} {chance.randint(1, 12)}"
            tex = word.replace(" ", "~")
        elif kind < 0.04:
            word = f"{chance.uniform(0, 999):,.{chance.randint(0, 3)}f}" + chance.choice(["", "%", "", " km"])
            tex = word.replace("%", r"\%")
        else:
            tex = "".join(SPECIAL.get(c, c) for c in word)
            tex = rf"\emph{{{tex}}}" if kind < 0.06 else rf"\textbf{{{tex}}}" if kind < 0.07 else rf"\texttt{{{tex}}}" if kind < 0.08 else tex
            # The apostrophe is curly in the faces, and so it is read.
            word = word.replace("'", "’") if r"\texttt" not in tex else word.replace("'", "’")
        source.append(tex)
        plain.append(word)
    return " ".join(source), " ".join(plain)


def table():
    columns, rows = chance.randint(3, 6), chance.randint(4, 8)
    cells = [[f"{chance.uniform(0, 10 ** chance.randint(1, 4)):.{chance.randint(1, 2)}f}" for _ in range(columns)] for _ in range(rows)]
    body = "\\\\\n".join(" & ".join(row) for row in cells)
    source = rf"\begin{{center}}\begin{{tabular}}{{{'r' * columns}}}\hline {body}\\\hline\end{{tabular}}\end{{center}}"
    return source, "\n".join(" ".join(row) for row in cells)


def page(words, face, size, columns):
    """(LaTeX, text) of at least 3,000 characters."""
    source, plain = [], []
    if columns == 1 and chance.random() < 0.4:
        parts = [table()]
    else:
        parts = []
    while sum(len(text) for _, text in parts) < (3400 if size == 10 else 3000):
        parts.append(paragraph(words, chance.randint(60, 130)))
    for tex, text in parts:
        source.append(tex)
        plain.append(text)
    head = rf"""\documentclass[{size}pt,a4paper{',twocolumn' if columns == 2 else ''}]{{article}}
\usepackage[T1]{{fontenc}}\usepackage[utf8]{{inputenc}}\usepackage[margin=22mm]{{geometry}}{face}
\pagestyle{{empty}}\hyphenpenalty=10000\sloppy\raggedbottom\begin{{document}}
"""
    return head + "\n\n".join(source) + "\n\\end{document}\n", "\n".join(plain)


def rendered(source, dpi):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "page.tex").write_text(source, encoding="utf-8")
        done = subprocess.run(["pdflatex", "-interaction=batchmode", "page.tex"], cwd=folder, capture_output=True)
        if done.returncode:
            raise SystemExit((folder / "page.log").read_text(errors="replace")[-2000:])
        command = ["pdftoppm", "-r", str(dpi), "-gray", "-png", "-f", "1", "-l", "1", "-singlefile", "page.pdf", "page"]
        subprocess.run(command, cwd=folder, check=True)
        pages = subprocess.run(["pdfinfo", "page.pdf"], cwd=folder, check=True, capture_output=True, text=True).stdout
        assert re.search(r"Pages:\s+1\b", pages), "the page is too full"
        return Image.open(folder / "page.png").convert("L")


def scanned(image, dpi):
    """As a scanner leaves it."""
    image = image.rotate(chance.uniform(-0.5, 0.5), resample=Image.BICUBIC, fillcolor=255)
    image = image.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 0.7) * dpi / 200))
    tones = np.asarray(image, float)
    paper, ink = chance.uniform(225, 250), chance.uniform(10, 60)
    tones = ink + tones / 255 * (paper - ink) + noise.normal(0, chance.uniform(2, 9), tones.shape)
    image = Image.fromarray(tones.clip(0, 255).astype("uint8"))
    kind = chance.random()
    if kind < 0.3:
        return image.point(lambda v: 255 if v > 145 else 0).convert("1")
    if kind < 0.6:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=chance.randint(45, 80))
        return Image.open(io.BytesIO(buffer.getvalue())).convert("L")
    return image


words = prose()
number = 0
for dpi in (150, 200, 300):
    for columns in (1, 2):
        for face in FACES:
            size = chance.choice([10, 11])
            source, text = page(words, face, size, columns)
            clean = rendered(source, dpi)
            image = scanned(clean, dpi) if number % 2 else clean
            folder = OUT / f"{dpi}-{'scanned' if number % 2 else 'clean'}"
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{number:02}.png", dpi=(dpi, dpi))
            (folder / f"{number:02}.truth.txt").write_text(text + "\n", encoding="utf-8")
            number += 1
print(f"{number} pages in {OUT}")
