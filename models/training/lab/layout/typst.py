"""Pages set by Typst (pip package `typst`): a third setter, whose lines break and whose headings look otherwise than Chromium's and LaTeX's.

As in `latex.py` each source is set twice, in black and with each part in a colour that says its kind and which one it is.
"""
import random
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import typst
from PIL import Image

from ..config import Alphabet, work_dir
from ..text import TextSource
from .content import Content
from .design import Design
from .generate import SIDE, families
from .kinds import INDEX
from .latex import UNITS, map_of
from .shards import asked, make

FIRST = 9000  # number of the first file
NUMBERINGS, EQUATIONS = ("none", "none", '"1.1"', '"1.1."', '"I.1"'), ("none", '"(1)"')
PAPERS = ("a4", "a4", "a4", "us-letter", "us-letter", "a5", "iso-b5")
HEAD = """#let coloured = sys.inputs.coloured == "1"
#let c(kind, unit) = if coloured { rgb(kind * 16, unit, 60) } else { black }
#let thin(kind, unit) = if coloured { c(kind, unit) } else { luma(40) }
#let area(kind, unit, body) = { set text(fill: c(kind, unit)); set table(stroke: .5pt + c(kind, unit)); body }
#let drawing(unit, width, height, body) = box(width: width, height: height, clip: true, fill: if coloured { c(6, unit) } else { none }, body)
#let margin-note(side, wide, look, body) = place(side, dx: if side == left { -wide - 9pt } else { wide + 9pt }, block(width: wide, { set text(fill: c(14, 0), hyphenate: true, ..look); set par(justify: false, first-line-indent: 0pt, leading: .45em); body }))
"""


def string(text: str) -> str:
    """As code of Typst."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Source:
    def __init__(self, r: random.Random, text: TextSource, fonts: list[str]):
        self.r, self.unit, self.fonts = r, 0, fonts
        d = Design("article", 800, 1100, 13, 1, "", True, "grid", ("disc", "decimal"), "text", "number", False, False, dict(left=80, right=80, annotated=False, gap=20, lead=1.2))
        self.content, self.long = Content(r, text, d), r.uniform(150, 900)
        self.number, self.table_style, self.noted = [0, 0, 0], r.choice(("grid", "rows", "booktabs", "none", "shaded")), False
        self.code_look = r.choice(("", "", ", fill: luma(235), inset: 5pt", ", stroke: .5pt + luma(120), inset: 5pt", ", inset: (left: 1.5em)"))

    def words(self, n):
        return self.content.words(n)

    def area(self, kind: str) -> str:
        self.unit += 1
        return f"{INDEX[kind]}, {self.unit % UNITS + 1}"

    def rich(self, n):
        """Markup: text with some of it set otherwise."""
        r, out = self.r, [f"#{string(w)};" for w in (self.words(n).split(" "))]
        for i in r.sample(range(len(out)), min(len(out), r.choice((0, 0, 1, 2)))):
            out[i] = f"#{r.choice(('emph', 'strong', 'smallcaps', 'raw'))}({out[i][1:-1]});"
        if r.random() < .2:
            out.insert(r.randrange(len(out)), f"${self.symbols(1)}$")
        if r.random() < .1:
            out[-1] += f"#footnote[#{string(self.words(r.randint(20, 160)))}]"
        return " ".join(out)

    def symbols(self, depth=2) -> str:
        r, out = self.r, []
        a = lambda: r.choice((*"abcdfgkmnpqrstuvxyzABFGKLMNPRST", "alpha", "beta", "gamma", "lambda", "mu", "phi", "sigma", "Omega", "partial", str(r.randint(0, 9))))
        for _ in range(r.randint(1, 4)):
            u, s = r.random(), lambda: self.symbols(depth - 1)
            out.append(a() if depth <= 0 or u < .35 else f"{a()}_({s()})" if u < .5 else f"{a()}^({s()})" if u < .6 else f"frac({s()}, {s()})" if u < .75 else f"sum_({a()}=0)^{a()} {s()}" if u < .85 else f"sqrt({s()})" if u < .93 else f"mat({a()}, {a()}; {a()}, {a()})")
        return f" {r.choice('=+-+-')} ".join(out)

    def heading(self) -> str:
        r = self.r
        level = r.choices((1, 2, 3), (3, 4, 2))[0]
        return f"\n#heading(level: {level})[#{string(self.content.short(r.choice((r.randint(4, 25), r.randint(5, 55), r.randint(40, 90)))))}]\n"

    def picture(self) -> str:
        r = self.r
        wide, high = r.uniform(40, 95), r.uniform(50, 170)
        self.unit += 1
        unit, things = self.unit % UNITS + 1, []
        at = lambda: f"dx: {r.uniform(0, 80):.0f}%, dy: {r.uniform(0, 80):.0f}%"
        for _ in range(r.randint(4, 16)):
            dark = r.randint(20, 230)
            things.append(r.choice((f"#place({at()}, rect(width: {r.randint(6, 60)}pt, height: {r.randint(5, 60)}pt, fill: luma({dark})))", f"#place({at()}, circle(radius: {r.randint(2, 22)}pt, stroke: .7pt))",
                                    f"#place({at()}, line(length: {r.randint(20, 120)}pt, angle: {r.randint(-80, 80)}deg, stroke: .7pt))", f"#place({at()}, text(7pt, {string(self.words(8))}))",
                                    f"#place({at()}, box(stroke: .6pt, inset: 3pt, text(8pt, {string(self.words(10))})))")))
        body = " ".join(things)
        return f"drawing({unit}, {wide:.0f}%, {high:.0f}pt, if coloured [] else [{body}])"

    def table(self) -> str:
        r = self.r
        columns, rows = r.randint(2, 6), r.choice((r.randint(2, 5), r.randint(4, 14)))
        numeric = [i > 0 and r.random() < .65 for i in range(columns)]
        cell = lambda i: self.content.numeral() if numeric[i] else self.words(r.choice((r.randint(3, 14), r.randint(3, 14), r.randint(10, 60))))
        cells = [f"strong({string(self.content.short(r.randint(3, 12)))})" for _ in range(columns)] + [string(cell(i)) for _ in range(rows) for i in range(columns)]
        area = self.area("table")
        stroke = {"grid": f".5pt + c({area})", "rows": f"(bottom: .5pt + c({area}))", "booktabs": "none", "none": "none", "shaded": "none"}[self.table_style]
        rules = f"table.hline(stroke: 1pt + c({area})), " if self.table_style == "booktabs" else ""
        under = f"table.hline(y: 1, stroke: .5pt + c({area})), " if self.table_style == "booktabs" else ""
        fill = ", fill: (x, y) => if calc.even(y) { luma(225) }" if self.table_style == "shaded" else ""
        aligns = ", ".join(r.choice(("right", "center")) if n else "left" for n in numeric)
        widths = r.choice((f"{columns}", f"({', '.join(['1fr'] * columns)},)"))
        return f"area({area}, table(columns: {widths}, align: ({aligns},), stroke: {stroke}, inset: {r.uniform(2, 6):.1f}pt{fill}, {rules}{under}{', '.join(f'[#{c}]' for c in cells)}{', ' + rules if rules else ''}))"

    def block(self) -> str:
        r, u = self.r, self.r.random()
        if u < .5:
            run_in = f"#{r.choice(('strong', 'emph', 'smallcaps'))}({string(self.content.short(14) + '.')}) " if r.random() < .06 else ""
            note = ""
            if self.noted and r.random() < .4:
                note = f"#margin-note({self.noted[0]}, {self.noted[1]:.0f}pt, ({self.noted[2]},))[#{string(self.words(r.choice((r.randint(4, 20), r.randint(10, 80)))))}]"
            return f"{note}{run_in}{self.rich(max(30, int(self.long * r.uniform(.3, 1.8))))}\n\n"
        if u < .63:
            return self.heading()
        if u < .73:
            kind, longest = r.choice(("list", "list", "enum")), r.choice((30, 80, 200))
            inner = lambda depth: f"{{ set text(fill: c(4, 0)); {kind}({', '.join(f'[{self.rich(r.randint(10, longest))} {nested(depth)}]' for _ in range(r.randint(2, 7)))}) }}"
            nested = lambda depth: f"#{inner(depth + 1)}" if depth < 1 and r.random() < .1 else ""
            return f"#{inner(0)}\n\n"
        if u < .8:
            caption = f", caption: [#{string(self.words(r.choice((25, 70, 180))))}]" if r.random() < .85 else ""
            return f"#figure({self.picture()}{caption}{', placement: ' + r.choice(('top', 'bottom')) if r.random() < .3 else ''})\n\n"
        if u < .87:
            caption = f", caption: [#{string(self.words(r.choice((25, 70, 180))))}]" if r.random() < .7 else ""
            return f"#figure({self.table()}{caption})\n\n"
        if u < .92:
            more = r.choice(("", " \\ " + self.symbols(1) + " "))
            return f"#area({self.area('formula')}, $ {self.symbols(2)} {more}$)\n\n"
        if u < .97:
            lines = [re.sub(r"[^ -~]", "", line)[:64] for line in self.content.listing(r.choice((r.randint(2, 6), r.randint(6, 24))))]
            code = string("\n".join(lines)).replace("\n", "\\n")
            return f"#block(width: 100%{self.code_look}, area({self.area('code')}, raw(block: true, {code})))\n\n"
        return f"#quote(block: true)[{self.rich(r.randint(60, 300))}]\n\n"

    def document(self) -> str:
        r = self.r
        size, columns = r.uniform(8.5, 12), r.choice((1, 1, 1, 2, 2, 3))
        body, other = r.choice(self.fonts), r.choice(self.fonts)
        head_font = r.choice((body, body, other))
        side = r.uniform(1.4, 3)
        left = right = side
        if columns == 1 and r.random() < .35:
            wide = r.uniform(4, 5.8)
            at = r.choice(("left", "right"))
            left, right = (wide, side) if at == "left" else (side, wide)
            look = [f"size: {r.uniform(.68, .9):.2f}em", *r.choice(([], [], ['style: "italic"'], ['weight: "bold"']))]
            self.noted = (at, (wide - 1.1) * 28.35, ", ".join(look))
        k = lambda kind: f"c({INDEX[kind]}, 0)"
        running, number = string(self.content.short(r.randint(8, 50))), "#context counter(page).display()"
        edge = {"none": "none", "text": f"[#text(fill: {k('page-header')}, {running})]", "both": f"[#text(fill: {k('page-header')}, {running}) #h(1fr) #text(fill: {k('page-number')})[{number}]]"}[r.choice(("none", "text", "both"))]
        foot = {"none": "none", "number": f"align(center, text(fill: {k('page-number')})[{number}])", "both": f"[#text(fill: {k('page-footer')}, {running}) #h(1fr) #text(fill: {k('page-number')})[{number}]]"}[r.choice(("none", "number", "number", "both"))]
        scale = r.uniform(1.05, 1.35)
        out = HEAD + f"""#set page(paper: "{r.choice(PAPERS)}", margin: (left: {left:.1f}cm, right: {right:.1f}cm, y: {r.uniform(1.6, 3):.1f}cm), columns: {columns}, header: {edge}, footer: {foot})
#counter(page).update({r.randint(1, 300)})
#set columns(gutter: {r.uniform(3, 8):.1f}%)
#set text(font: ({string(body)},), size: {size:.1f}pt, fill: {k('paragraph')}, lang: "en")
#set par(justify: {r.choice(('true', 'true', 'false'))}, leading: {r.uniform(.4, .9):.2f}em, first-line-indent: {r.choice((0, 0, 1, 1.5))}em, spacing: {r.uniform(.5, 1.4):.2f}em)
#set list(marker: [{r.choice(('•', '–', '‣', '◦'))}], indent: {r.choice((0, .5, 1))}em)
#set enum(numbering: "{r.choice(('1.', '1.', '(1)', 'a)', '(a)', 'i.', '1)'))}", indent: {r.choice((0, .5, 1))}em)
#set heading(numbering: {r.choice(NUMBERINGS)})
#set math.equation(numbering: {r.choice(EQUATIONS)})
#set raw(theme: none)
#show figure.caption: set text(fill: {k('caption')}, size: {r.choice((1, .9, .85))}em)
#show footnote.entry: set text(fill: {k('footnote')})
#set figure.caption(separator: [{r.choice(('. ', ': ', ' – '))}])
#show figure.caption: it => {r.choice(('it', 'it', 'align(left, it)', 'emph(it)'))}
#show heading: set text(font: ({string(head_font)},), fill: {k('heading')})
"""
        centred = r.choice((False, False, True))
        for level in (1, 2, 3):
            weight = r.choice(('"bold"', '"bold"', '"regular"'))
            looks = r.choice(("it", "it", "emph(it)", "smallcaps(it)", "upper(it)" if level == 1 else "it"))
            large = max(1, scale ** (3 - level))
            if weight == '"regular"' and looks == "it":
                large = max(large, 1.15)
            out += f"#show heading.where(level: {level}): set text(size: {large * size:.1f}pt, weight: {weight})\n#show heading.where(level: {level}): set block(above: {r.uniform(.9, 2.2):.2f}em, below: {r.uniform(.5, 1.1):.2f}em)\n"
            out += f"#show heading.where(level: {level}): it => {f'align(center, {looks})' if centred and level < 3 else looks}\n"
        if r.random() < .45:
            align = r.choice(("center", "center", "left"))
            weight, names = r.choice(("bold", "bold", "regular")), ", ".join(self.content.short(12) for _ in range(r.randint(1, 4)))
            says = string(self.content.short(r.randint(10, 80)))
            title = f"#align({align})[#text(size: {r.uniform(1.4, 2.4) * size:.1f}pt, weight: {string(weight)}, font: ({string(head_font)},), fill: {k('title')}, {says}) \\ \n #{string(names)}]\n"
            out += f"#place(top, scope: \"parent\", float: true)[{title}]\n" if columns > 1 else title + "\n#v(1em)\n"
        return out + "".join(self.block() for _ in range(r.randint(25, 60)))


def pages(r: random.Random, text: TextSource, fonts: list[str], compiler: typst.Compiler):
    """(gray, kinds) of each page of a document; none where the two runs differ in length or Typst gives up."""
    source, drawn = Source(r, text, fonts).document(), []
    with tempfile.TemporaryDirectory() as folder:
        for coloured in (False, True):
            name = f"{folder}/{'coloured' if coloured else 'black'}"
            try:
                compiler.compile(source.encode(), output=f"{name}.pdf", sys_inputs={"coloured": "1" if coloured else "0"}, pdf_tags=False)
            except (typst.TypstError, RuntimeError) as error:
                print(f"not set: {str(error)[:300]}", flush=True)
                return []
            how = ["-aa", "no", "-aaVector", "no"] if coloured else ["-gray"]
            subprocess.run(["pdftoppm", "-scale-to", str(SIDE), "-l", "14", *how, f"{name}.pdf", name], check=True, stderr=subprocess.DEVNULL)
            drawn.append([np.asarray(Image.open(p)) for p in sorted(Path(folder).glob(f"{Path(name).name}-*.p[gp]m"))])
    black, coloured = drawn
    if len(black) != len(coloured):
        return []
    made = [(gray, map_of(colour)) for gray, colour in zip(black, coloured) if gray.shape == colour.shape[:2]]
    return [(gray, kinds) for gray, kinds in made if ((kinds > 0) & (kinds < 255)).mean() > .02]


def main():
    args = asked(__doc__)
    text = TextSource(Alphabet.load(args.alphabet), random.Random(0), args.split)
    names = set(families(work_dir(), args.split == "held_out")[1])
    known = typst.Fonts(font_paths=[str(work_dir() / "packages")])
    fonts = sorted(names & set(known.families()))
    compiler = typst.Compiler(b"", font_paths=known)

    def made(seed: int):
        text.rng = random.Random(seed)
        return pages(text.rng, text, fonts, compiler)

    make(args, FIRST, 11_000_027, made)


if __name__ == "__main__":
    main()
