r"""Pages set by LaTeX. The same source is set twice: in black, and with each part in a colour that says its kind and which one it is.

In both runs `\K` puts a colour where it stands, so that nothing moves. Areas (tables, pictures, formulas, listings) have colours of their own, each
one, and the bounds of a colour are the area's; of other kinds each line is where its ink is.
"""
import random
import re
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..config import Alphabet
from ..text import TextSource
from .content import Content
from .design import Design
from .generate import CELL, SIDE, UNKNOWN
from .kinds import AREAS, INDEX
from .shards import asked, make

SUMS, SHIFTS = ("\\sum", "\\int", "\\prod"), ("\\emph", "\\textbf", "\\texttt", "\\textit")
SIZES = ("", "\\small", "\\footnotesize")
FONTS = ("", "", "lmodern", "lmodern", "mathptmx", "mathpazo", "charter", "bookman", "newcent", "utopia", "fourier", "kpfonts", "libertine", "ebgaramond")
CLASSES = ("article",) * 5 + ("report", "book", "book", "amsart", "scrartcl", "memoir")
UNITS = 251  # areas told apart on a page


def tex(text: str) -> str:
    text = text.replace("“", "``").replace("”", "''").replace("’", "'").replace("‘", "`").replace("–", "--").replace("—", "---")
    text = re.sub(r"[^ -~]", "", text).replace("\\", "/")
    return re.sub(r"([#$%&_{}])", r"\\\1", text).replace("~", " ").replace("^", "").replace("[", "(").replace("]", ")")


class Source:
    def __init__(self, r: random.Random, text: TextSource):
        self.r = r
        d = Design("article", 800, 1100, 13, 1, "", True, "grid", ("disc", "decimal"), "text", "number", False, False, dict(left=80, right=80, annotated=False, gap=20, lead=1.2))
        self.content, self.unit = Content(r, text, d), 0
        self.long = r.uniform(200, 900)

    def words(self, n):
        return tex(self.content.words(n)) or "text"

    def short(self, n):
        return tex(self.content.short(n)) or "Notes"

    def label(self, n):
        return re.sub("[^A-Za-z0-9 ]", "", self.words(n))[:n]

    def area(self, kind: str) -> str:
        self.unit += 1
        return f"\\K{{{INDEX[kind]}}}{{{self.unit % UNITS + 1}}}"

    def symbols(self, depth=2) -> str:
        r = self.r
        a = lambda: r.choice([*"abcdfgijkmnpqrstuvxyzABCFGHKLMNPRSTVX", "\\alpha", "\\beta", "\\gamma", "\\lambda", "\\mu", "\\phi", "\\theta", "\\sigma", "\\Omega", "\\partial", str(r.randint(0, 9))])
        out = []
        for _ in range(r.randint(1, 4)):
            u = r.random()
            s = lambda: self.symbols(depth - 1)
            if depth <= 0 or u < .35:
                out.append(a())
            elif u < .5:
                out.append(f"{a()}_{{{s()}}}")
            elif u < .6:
                out.append(f"{a()}^{{{s()}}}")
            elif u < .72:
                out.append(f"\\frac{{{s()}}}{{{s()}}}")
            elif u < .82:
                out.append(f"{r.choice(SUMS)}_{{{a()}=0}}^{{{a()}}} {s()}")
            elif u < .88:
                out.append(f"\\left( {s()} \\right)")
            elif u < .93:
                out.append(f"\\sqrt{{{s()}}}")
            else:
                out.append(f"\\begin{{pmatrix}} {a()} & {a()} \\\\ {a()} & {a()} \\end{{pmatrix}}")
        return f" {r.choice('=+-+-')} ".join(out)

    def rich(self, n):
        r, words = self.r, self.words(n).split(" ")
        for _ in range(r.choice((0, 0, 1, 2))):
            i = r.randrange(len(words))
            words[i] = f"{r.choice(SHIFTS)}{{{words[i]}}}"
        if r.random() < .3:
            words.insert(r.randrange(len(words)), f"${self.symbols(1)}$")
        if r.random() < .15:
            words[r.randrange(len(words))] += f"\\footnote{{\\K{{{INDEX['footnote']}}}{{0}}{self.words(r.randint(20, 200))}}}"
        return " ".join(words)

    def caption(self):
        return f"\\caption{{{self.rich_plain(self.r.choice((30, 80, 200)))}}}"

    def rich_plain(self, n):
        return self.words(n)

    def picture(self, width: float):
        """A drawing; in colour its whole extent."""
        r, w = self.r, r"0.9\linewidth" if width > .5 else r"0.6\linewidth"
        high = r.uniform(2, 6)
        things = []
        for _ in range(r.randint(3, 12)):
            x, y = r.uniform(.3, 5), r.uniform(.2, high - .3)
            things.append(r.choice((f"\\draw ({x:.1f},{y:.1f}) circle ({r.uniform(.1, .6):.1f});", f"\\draw[->] ({x:.1f},{y:.1f}) -- ({r.uniform(0, 6):.1f},{r.uniform(0, high):.1f});",
                f"\\draw[fill=gray!{r.randint(5, 70)}] ({x:.1f},{y:.1f}) rectangle +({r.uniform(.2, 1.5):.1f},{r.uniform(.1, .8):.1f});", f"\\node[draw] at ({x:.1f},{y:.1f}) {{{self.label(9)}}};",
                f"\\draw plot[smooth] coordinates {{({r.uniform(0, 1):.1f},{r.uniform(0, high):.1f}) ({r.uniform(1, 2):.1f},{r.uniform(0, high):.1f}) ({r.uniform(2, 4):.1f},{r.uniform(0, high):.1f}) ({r.uniform(4, 6):.1f},{r.uniform(0, high):.1f})}};")))
        if r.random() < .6:
            things.append(f"\\draw[->] (0,0) -- (6,0) node[below left] {{{self.label(7)}}}; \\draw[->] (0,0) -- (0,{high:.1f});" + "".join(f"\\node[below] at ({i},0) {{\\small {i * 10}}};" for i in range(1, 6)))
        return f"\\resizebox{{{w}}}{{!}}{{{self.area('figure')}\\begin{{tikzpicture}}\\useasboundingbox (-.4,-.6) rectangle (6.3,{high + .2:.1f});\\begin{{scope}}{''.join(things)}\\end{{scope}}\\Whole{{-.4,-.6}}{{6.3,{high + .2:.1f}}}\\end{{tikzpicture}}}}"

    def block(self, twocolumn: bool) -> str:
        r, u = self.r, self.r.random()
        star = "*" if twocolumn and r.random() < .15 else ""
        if u < .5:
            return self.rich(max(30, int(self.long * r.uniform(.3, 1.8)))) + "\n\n"
        if u < .62:
            return f"\\{r.choice(('section', 'section', 'subsection', 'subsection', 'subsubsection'))}{{{self.short(r.randint(5, 50))}}}\n"
        if u < .7:
            items = "".join(f"\\item {self.rich(r.randint(10, 160))}\n" for _ in range(r.randint(2, 7)))
            kind = r.choice(("itemize", "itemize", "enumerate"))
            return f"\\begin{{{kind}}}\\K{{{INDEX['list-item']}}}{{0}}\n{items}\\end{{{kind}}}\n"
        if u < .77:
            body = f"\\begin{{center}}{self.picture(1)}\\end{{center}}" if r.random() < .1 else None
            return body or f"\\begin{{figure{star}}}[{r.choice(('t', 'b', 'htb', 'h'))}]\\centering {self.picture(r.random())} {self.caption() if r.random() < .9 else ''}\\end{{figure{star}}}\n"
        if u < .84:
            columns = r.randint(2, 7 if star or not twocolumn else 4)
            style = r.choice(("plain", "booktabs", "booktabs", "grid", "none"))
            bar = "|" if style == "grid" else ""
            rule = {"plain": "\\hline", "grid": "\\hline", "none": "", "booktabs": "\\midrule"}[style]
            cell = lambda i: tex(self.content.numeral()) if i and r.random() < .7 else self.words(r.randint(3, 14))
            rows = [" & ".join(self.short(r.randint(3, 10)) for _ in range(columns)) + " \\\\ " + rule] + [" & ".join(cell(i) for i in range(columns)) + " \\\\" + (rule if style == "grid" else "") for _ in range(r.randint(2, 14))]
            first, last = {"booktabs": ("\\toprule", "\\bottomrule"), "none": ("", "")}.get(style, ("\\hline", "\\hline" if style == "plain" else ""))
            tabular = f"{{{r.choice(SIZES)}{self.area('table')}\\begin{{tabular}}{{{bar}{bar.join(r.choice('lcr') for _ in range(columns))}{bar}}} {first} {' '.join(rows)} {last}\\end{{tabular}}}}"
            caption = self.caption()
            return f"\\begin{{table{star}}}[{r.choice(('t', 'b', 'htb', 'h'))}]\\centering {caption + tabular if r.random() < .6 else tabular + caption}\\end{{table{star}}}\n"
        if u < .93:
            name = r.choice(("equation", "equation", "equation*", "align"))
            body = self.symbols(1 if twocolumn and r.random() < .6 else 2)
            if name == "align":
                body = f"{self.symbols(1)} &= {self.symbols(2)} \\\\ {self.symbols(1)} &= {self.symbols(2)}"
            return f"{{{self.area('formula')}\\begin{{{name}}} {body} \\end{{{name}}}}}\n"
        if u < .96:
            lines = [re.sub(r"[^ -~]", "", line)[:48 if twocolumn else 80] for line in self.content.listing(r.randint(3, 16))]
            return f"{{\\small{self.area('code')}\n\\begin{{verbatim}}\n" + "\n".join(lines) + "\n\\end{verbatim}}\n"
        if u < .98 and not twocolumn:
            return f"\\marginpar{{\\footnotesize\\raggedright\\K{{{INDEX['marginal-note']}}}{{0}}{self.words(r.randint(8, 50))}}}" + self.rich(300) + "\n\n"
        return f"\\begin{{quote}}{self.words(r.randint(80, 400))}\\end{{quote}}\n"

    def document(self) -> str:
        r = self.r
        name = r.choice(CLASSES)
        two = name in ("article", "report", "scrartcl", "amsart") and r.random() < .55
        size = r.choice(("10pt", "10pt", "11pt", "12pt"))
        paper = r.choice(("a4paper", "a4paper", "letterpaper", "b5paper" if name in ("book", "memoir") else "letterpaper"))
        font = r.choice(FONTS)
        margin = r.choice((None, None, r.uniform(1.8, 3.2)))
        head = f"\\documentclass[{size},{paper}{',twocolumn' if two else ''}{',oneside' if name in ('book', 'memoir') else ''}]{{{name}}}\n\\usepackage[T1]{{fontenc}}\\usepackage{{amsmath,booktabs,xcolor,tikz,caption}}\n"
        head += f"\\usepackage{{{font}}}\n" if font else ""
        head += f"\\usepackage[margin={margin:.1f}cm]{{geometry}}\n" if margin and name != "memoir" else ""
        k = lambda kind: f"\\K{{{INDEX[kind]}}}{{0}}"
        head += r"""\makeatletter
\newif\ifcoloured\input{mode}
\ifcoloured\newcommand\K[2]{\color[RGB]{\the\numexpr#1*16\relax,#2,60}}\newcommand\Whole[2]{\fill (#1) rectangle (#2);}
\else\newcommand\K[2]{\color[RGB]{0,0,0}}\newcommand\Whole[2]{}\fi
"""
        head += f"\\DeclareCaptionFont{{kind}}{{{k('caption')}}}\\captionsetup{{font={{kind{',small' if r.random() < .5 else ''}}},labelfont={{kind{',bf' if r.random() < .4 else ''}}}}}\n"
        head += f"\\let\\oldstart\\@startsection\\def\\@startsection#1#2#3#4#5#6{{\\oldstart{{#1}}{{#2}}{{#3}}{{#4}}{{#5}}{{#6{k('heading')}}}}}\n" if name in ("article", "report", "book", "amsart") else f"\\addtokomafont{{disposition}}{{{k('heading')}}}\n" if name == "scrartcl" else f"\\setsecheadstyle{{\\Large\\bfseries\\raggedright{k('heading')}}}\\setsubsecheadstyle{{\\large\\bfseries\\raggedright{k('heading')}}}\\setsubsubsecheadstyle{{\\bfseries\\raggedright{k('heading')}}}\n"
        style = r.choice(("plain", "fancy", "fancy", "empty"))
        if name in ("article", "report", "book") and style == "fancy":
            head += f"\\usepackage{{fancyhdr}}\\pagestyle{{fancy}}\\fancyhf{{}}\\fancyhead[{r.choice('LCR')}]{{{k('page-header')}{self.short(30)}}}\\fancy{r.choice(('head', 'foot'))}[{r.choice('LCR')}]{{{k('page-number')}\\thepage}}\\renewcommand\\headrulewidth{{{r.choice((0, .4))}pt}}\n"
            if r.random() < .4:
                head += f"\\fancyfoot[{r.choice('LR')}]{{{k('page-footer')}\\small {self.words(40)}}}\n"
        elif name in ("article", "report", "book", "scrartcl", "memoir"):
            head += f"\\pagestyle{{{'empty' if style == 'empty' else 'plain'}}}\\renewcommand\\thepage{{{k('page-number')}\\arabic{{page}}}}\n"
        else:
            head += "\\pagestyle{empty}\\thispagestyle{empty}\n"
        head += "\\makeatother\\setcounter{page}{%d}\\begin{document}\n%s\n" % (r.randint(1, 200), k("paragraph"))
        if r.random() < .6 and name in ("article", "scrartcl", "report"):
            head += f"\\title{{{k('title')}{self.short(r.randint(15, 80))}}}\\author{{{k('paragraph')}{self.short(12)} \\and {self.short(12)}}}\\date{{{k('paragraph')}{r.randint(1, 28)} June {r.randint(1985, 2026)}}}\\maketitle\n"
            if r.random() < .7 and name != "report":
                head += f"\\begin{{abstract}}{self.words(r.randint(300, 900))}\\end{{abstract}}\n"
        body = "".join(self.block(two) for _ in range(r.randint(25, 60)))
        if r.random() < .4:
            body += f"{{\\def\\refname{{{k('heading')}References}}\\begin{{thebibliography}}{{99}}{k('list-item')}" + "".join(f"\\bibitem{{x{i}}} {self.words(r.randint(60, 180))}\n" for i in range(r.randint(4, 25))) + "\\end{thebibliography}}\n"
        return head + body + "\\end{document}\n"


def render(folder: Path, coloured: bool) -> list[np.ndarray]:
    (folder / "mode.tex").write_text("\\colouredtrue" if coloured else "\\colouredfalse")
    name = "coloured" if coloured else "black"
    try:
        subprocess.run(["pdflatex", "-interaction=nonstopmode", f"-jobname={name}", "page.tex"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    except subprocess.TimeoutExpired:
        return []
    if not (folder / f"{name}.pdf").exists():
        return []
    how = ["-aa", "no", "-aaVector", "no"] if coloured else ["-gray"]
    subprocess.run(["pdftoppm", "-scale-to", str(SIDE), "-l", "14", *how, f"{name}.pdf", name], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return [np.asarray(Image.open(p)) for p in sorted(folder.glob(f"{name}-*.p[gp]m"))]


def map_of(coloured: np.ndarray) -> np.ndarray:
    """Kinds by colour, at one cell for CELL pixels."""
    red, green, blue = (coloured[..., i].astype(int) for i in range(3))
    marked = (blue == 60) & (red % 16 == 0)
    kinds = np.where(marked, red // 16, 0).astype(np.uint8)
    out = np.zeros(kinds.shape, np.uint8)
    ink = cv2.dilate((coloured.min(2) < 128).astype(np.uint8), np.ones((7, 13), np.uint8))
    out[ink > 0] = UNKNOWN
    for kind in np.unique(kinds[marked]):
        if kind in AREAS:
            continue
        mask = (kinds == kind).astype(np.uint8)
        mask = cv2.morphologyEx(np.pad(mask, 20), cv2.MORPH_CLOSE, np.ones((3, 17), np.uint8))[20:-20, 20:-20]
        mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        out[(mask > 0) & ((out == UNKNOWN) | (out == 0))] = kind
    for kind in AREAS:
        for unit in np.unique(green[marked & (kinds == kind)]):
            y, x = np.nonzero(marked & (kinds == kind) & (green == unit))
            out[y.min() - 1:y.max() + 2, max(0, x.min() - 2):x.max() + 3] = kind
    return out[CELL // 2::CELL, CELL // 2::CELL][:out.shape[0] // CELL, :out.shape[1] // CELL]


def pages(r: random.Random, text: TextSource):
    """(gray, kinds) of each page of a document; none where the two runs differ in length or LaTeX gives up."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "page.tex").write_text(Source(r, text).document())
        black, coloured = render(folder, False), render(folder, True)
        if len(black) != len(coloured):
            return []
        made = [(gray, map_of(colour)) for gray, colour in zip(black, coloured) if gray.shape == colour.shape[:2]]
        return [(gray, kinds) for gray, kinds in made if ((kinds > 0) & (kinds < UNKNOWN)).mean() > .02]


def main():
    args = asked(__doc__)
    text = TextSource(Alphabet.load(args.alphabet), random.Random(0), args.split)

    def made(seed: int):
        text.rng = random.Random(seed)
        return pages(text.rng, text)

    make(args, 8000, 9_000_011, made)


if __name__ == "__main__":
    main()
