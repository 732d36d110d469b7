"""What made-up documents say: blocks of known kinds, as plain data, which html.py and latex.py set.

A block is a dict with `kind` (title, heading, paragraph, list-item, table, caption, code, figure, footnote) and, where it has them, `text`,
`level`, `marker`, `of`; a table has `grid`: rows of cells (text, row_span, column_span, is_header), and `header_rows`. All is a function of
the seed."""

import random

ADJECTIVES = """ancient brittle coarse dense early faint gradual heavy inner joint keen lateral modest narrow outer partial quiet rapid shallow
thermal uneven vertical wide acidic bounded coastal discrete efficient feasible generic hollow implicit linear magnetic nonlinear optimal
periodic quadratic robust spectral tidal uniform viscous well-known long-term large-scale low-cost so-called high-order""".split()
NOUNS = """estuary sediment harbour lattice membrane polymer reservoir algorithm estimator manuscript catalogue settlement vessel turbine
spectrum gradient boundary experiment observation measurement instrument temperature concentration distribution approximation resolution
population treatment community language translation argument tradition economy contract inventory schedule pipeline document recognition
segmentation classification calibration interpolation optimization sensitivity uncertainty amplitude frequency trajectory neighbourhood
infrastructure administration correspondence interpretation transformation""".split()
VERBS = """describes reduces follows exceeds contains determines influences replaces suggests confirms contradicts precedes produces
approximates constrains dominates illustrates maintains outperforms predicts reconstructs stabilises summarises""".split()
ADVERBS = "slowly clearly often rarely markedly roughly consistently significantly approximately independently simultaneously".split()
NAMES = "Hartmann Okafor Lindqvist Moreau Tanaka Silva O'Brien Kowalska Novak Jensen Ferreira van-Dijk".split()
PLACES = "Antwerp Bergen Cádiz Danzig Exeter Faro Genoa Hull Izmir Kraków Lübeck Malmö".split()
UNITS = ["kg", "mm", "m/s", "°C", "kPa", "%", "mol/l", "GHz"]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, words):
        return self.random.choice(words)

    def phrase(self):
        noun = self.pick(NOUNS)
        return self.pick([f"the {self.pick(ADJECTIVES)} {noun}", f"a {self.pick(ADJECTIVES)} {noun}", f"each {noun}", f"the {noun} of {self.pick(PLACES)}",
                          f"the {noun} of the {self.pick(ADJECTIVES)} {self.pick(NOUNS)}"])

    def clause(self):
        adverb = f" {self.pick(ADVERBS)}" if self.random.random() < .3 else ""
        return f"{self.phrase()}{adverb} {self.pick(VERBS)} {self.phrase()}"

    def number(self, big=10_000):
        value = self.random.random() ** 2 * big
        return self.pick([f"{value:,.0f}", f"{value:.1f}", f"{value / 100:.2f}", f"{value:.0f}"])

    def sentence(self):
        r = self.random.random()
        s = self.clause()
        if r < .25:
            s += f", and {self.clause()}"
        elif r < .4:
            s = f"although {self.clause()}, {s}"
        elif r < .5:
            s += f" by {self.number(500)} {self.pick(UNITS)}"
        elif r < .58:
            s += f" (see {self.pick(NAMES)}, {self.random.randint(1850, 2024)})"
        elif r < .64:
            s += f" [{self.random.randint(1, 40)}]"
        return s[0].upper() + s[1:] + "."

    def paragraph(self, least=2, most=8):
        return " ".join(self.sentence() for _ in range(self.random.randint(least, most)))

    def title(self, words=4):
        pieces = [self.pick(ADJECTIVES).capitalize(), self.pick(NOUNS), "and", self.pick(NOUNS)] if words > 3 else [self.pick(NOUNS).capitalize()]
        if words > 4:
            pieces += ["in", "the", self.pick(ADJECTIVES), self.pick(NOUNS)]
        if words == 3:
            pieces = [self.pick(ADJECTIVES).capitalize(), self.pick(NOUNS)]
        return " ".join(pieces)

    def cell(self, kind):
        if kind == "number":
            return self.number()
        if kind == "percent":
            return f"{self.random.random() * 100:.1f}%"
        if kind == "money":
            return f"{self.random.random() * 9000:,.2f}"
        if kind == "date":
            return f"{self.random.randint(1, 28):02d}.{self.random.randint(1, 12):02d}.{self.random.randint(1990, 2024)}"
        if kind == "phrase":
            return " ".join(self.pick(ADJECTIVES + NOUNS) for _ in range(self.random.randint(2, 9))).capitalize()
        if kind == "name":
            return self.pick(NAMES) + self.pick(["", f" ({self.pick(PLACES)})", f", {self.pick(PLACES)}"])
        return self.pick(NOUNS).capitalize()

    def table(self, narrow=False):
        """A grid with header rows, spans, a stub column, empty cells, cells of several lines."""
        r = self.random
        columns = r.randint(2, 4 if narrow else 7)
        rows = r.randint(2, 12)
        kinds = [self.pick(["word", "name", "date"])] + [self.pick(["number", "percent", "money", "number", "word", "phrase"]) for _ in range(columns - 1)]
        if kinds.count("phrase") > 1 or (narrow and columns > 2):
            kinds = [kind if kind != "phrase" or i == 1 and columns < 4 else "number" for i, kind in enumerate(kinds)]
        grid, header_rows = [], 0
        if r.random() < .9:
            if columns >= 4 and r.random() < .3:
                first, at = [dict(text="", is_header=True)], 1
                while at < columns:
                    span = min(r.randint(1, 3), columns - at)
                    first.append(dict(text=self.title(3 if span > 1 else 1), column_span=span, is_header=True))
                    at += span
                if r.random() < .5:
                    first[0] = dict(text=self.pick(NOUNS).capitalize(), row_span=2, is_header=True)
                    second = []
                else:
                    second = [dict(text=self.pick(NOUNS).capitalize(), is_header=True)]
                second += [dict(text=self.title(1), is_header=True) for _ in range(columns - 1)]
                grid += [first, second]
                header_rows = 2
            else:
                grid.append([dict(text=self.title(1 if narrow else self.pick([1, 1, 3])), is_header=True) for _ in range(columns)])
                header_rows = 1
        stub = 0
        for row in range(rows):
            cells = []
            if stub == 0 and rows - row >= 3 and r.random() < .12:
                stub = r.randint(2, min(4, rows - row))
                cells.append(dict(text=self.cell(kinds[0]), row_span=stub))
            elif stub == 0:
                cells.append(dict(text=self.cell(kinds[0])))
            stub = max(0, stub - 1)
            if columns > 3 and r.random() < .04:
                cells.append(dict(text=self.cell("word"), column_span=2))
                rest = kinds[3:]
            else:
                rest = kinds[1:]
            cells += [dict(text="" if r.random() < .05 else self.cell(kind)) for kind in rest]
            grid.append(cells)
        aligns = ["left"] + [("right" if kind in ("number", "money", "percent") else "left") for kind in kinds[1:]]
        return dict(kind="table", grid=grid, header_rows=header_rows, aligns=aligns, columns=columns)

    def code(self):
        r = self.random
        lines = [f"def {self.pick(NOUNS)}({self.pick('abcxyz')}, {self.pick('klmn')}={r.randint(0, 9)}):"]
        for _ in range(r.randint(1, 5)):
            lines.append(f"    {self.pick(NOUNS)} = {self.pick(NOUNS)}[{r.randint(0, 99)}] + {self.pick('abcxyz')}")
        lines.append(f"    return {self.pick(NOUNS)}")
        return dict(kind="code", text="\n".join(lines))


def roman(n):
    return "".join(s * (n // v % m) for v, s, m in [(10, "x", 9)]) + ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"][n % 10]


def document(seed, narrow=False, notes=False):
    """Blocks of one document of two to five pages. `narrow`: it is set in columns; `notes`: with footnotes."""
    w = Writer(seed)
    r = w.random
    numbered = r.random() < .5
    blocks = [dict(kind="title", text=w.title(6))]
    tables = figures = footnotes = 0
    caption_above = r.random() < .6
    for chapter in range(1, r.randint(3, 6)):
        blocks.append(dict(kind="heading", level=1, text=(f"{chapter} " if numbered else "") + w.title(w.pick([3, 4]))))
        for section in range(r.choice([1, 1, 2, 3])):
            if section:
                blocks.append(dict(kind="heading", level=2, text=(f"{chapter}.{section} " if numbered else "") + w.title(w.pick([3, 4]))))
            for _ in range(r.randint(1, 3)):
                block = dict(kind="paragraph", text=w.paragraph())
                if notes and r.random() < .3:
                    footnotes += 1
                    block["note"] = dict(kind="footnote", marker=str(footnotes), text=w.paragraph(1, 2))
                blocks.append(block)
            what = r.random()
            if what < .3:
                style = w.pick(["disc", "decimal", "lower-alpha", "lower-roman", "disc"])
                count = r.randint(2, 6)
                for item in range(1, count + 1):
                    marker = dict(disc="•", decimal=f"{item}.")
                    marker = marker.get(style) or (f"{chr(96 + item)}." if style == "lower-alpha" else f"{roman(item)}.")
                    text = w.paragraph(1, 2) if r.random() < .6 else w.title(4)
                    blocks.append(dict(kind="list-item", level=1, style=style, marker=marker, text=text, first=item == 1))
                    if r.random() < .12 and item < count:
                        for sub in range(1, r.randint(3, 4)):
                            blocks.append(dict(kind="list-item", level=2, style="disc", marker="•", text=w.title(4), first=sub == 1))
            elif what < .6:
                tables += 1
                table = w.table(narrow)
                caption = dict(kind="caption", of="table", text=f"Table {tables}{w.pick([':', '.'])} {w.title(6)}.")
                blocks += [caption, table] if caption_above else [table, caption]
            elif what < .72:
                figures += 1
                blocks += [dict(kind="figure", seed=r.randint(0, 10 ** 6)), dict(kind="caption", of="figure", text=f"{w.pick(['Figure', 'Fig.'])} {figures}{w.pick([':', '.'])} {w.title(6)}.")]
            elif what < .8:
                blocks.append(w.code())
    return blocks
