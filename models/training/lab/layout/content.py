"""What stands on a page: HTML whose elements say what they are (`data-k`), in the proportions of a genre."""
import random
from html import escape
from pathlib import Path

from .design import Design
from .figures import figure
from .mathematics import formula, inline

BLOCKS = {  # how often what comes next, by genre; "p" else
    "article": dict(h=12, items=5, figure=6, table=6, formula=9, code=3, box=1), "report": dict(h=14, items=12, figure=8, table=8, formula=2, code=4, box=3),
    "book": dict(h=5, items=4, figure=5, table=2, formula=3, code=2, quote=4), "old": dict(h=5, items=1, figure=5, table=2, formula=1, code=0, quote=4, verse=5),
    "letter": dict(h=1, items=5, figure=1, table=2, formula=0, code=0, quote=2), "manual": dict(h=14, items=16, figure=7, table=7, formula=1, code=20, box=6),
    "tables": dict(h=9, items=3, figure=2, table=40, formula=1, code=1), "news": dict(h=9, items=2, figure=7, table=2, formula=0, code=0, quote=2, box=3),
    "slides": dict(h=16, items=40, figure=16, table=8, formula=4, code=10), "contents": dict(h=4, contents=60, items=4, figure=0, table=1, formula=0, code=0),
    "references": dict(h=4, references=60, figure=1, table=1, formula=0, code=0), "typed": dict(h=8, items=7, figure=2, table=8, formula=1, code=1, quote=3), "notes": dict(h=8, items=10, figure=6, table=5, formula=12, code=10),
}
PYTHON = sorted(str(p) for p in Path("/usr/lib/python3.11").glob("[a-z]*.py"))


class Content:
    def __init__(self, r: random.Random, text, design: Design):
        self.r, self.text, self.d = r, text, design
        self.number = [r.randint(1, 9), r.randint(0, 6), 0]
        self.counters = dict(figure=r.randint(1, 20), table=r.randint(1, 20), formula=r.randint(1, 60), note=r.randint(1, 12), listing=r.randint(1, 9))
        self.width = (design.width - design.more["left"] - design.more["right"] - (design.columns - 1) * design.more["gap"]) / design.columns
        self.long = r.uniform(60, 700)  # a paragraph's characters
        self.run_in = r.choice((0, 0, 0, 0, .06, .06, .5))  # paragraphs that begin with their own heading
        self.alone = r.choice((0, 0, 0, 1, 6))  # lines that stand alone and are no headings

    # --- words -------------------------------------------------------------------------------------------------------

    def words(self, n: int) -> str:
        prose = self.r.choices(self.text.prose, self.text.weights)[0][1]
        return self.text.excerpt(prose, max(3, int(n))).strip()

    def short(self, n: int) -> str:
        """A name, a heading: no full stop, often capitals."""
        out = self.words(n).strip(" .,;:-") or "Results"
        u = self.r.random()
        return out.title() if u < 0.4 else out.upper() if u < 0.45 else out[:1].upper() + out[1:]

    def rich(self, n: int) -> str:
        """Text with some of it set otherwise, references, marks of notes."""
        r, words = self.r, self.words(n).split(" ")
        out = [escape(w) for w in words]
        for _ in range(r.choice((0, 0, 0, 1, 1, 2, 3))):
            i = r.randrange(len(out))
            j = min(len(out), i + r.choice((1, 1, 2, 4)))
            tag = r.choice(("b", "i", "i", "em", "code", "sup", "a", "u"))
            if tag == "sup":
                out[i] += f"<sup>{r.choice('123456789*†')}</sup>"
            else:
                out[i] = f"<{tag}>{out[i]}"
                out[j - 1] += f"</{tag}>"
        if r.random() < {"article": .3, "notes": .4, "references": .1}.get(self.d.genre, .03):
            out.insert(r.randrange(len(out)), inline(r))
        if r.random() < 0.2 and self.d.genre in ("article", "report", "book"):
            out.insert(r.randrange(len(out)), r.choice((f"[{r.randint(1, 60)}]", f"({self.short(8)}, {r.randint(1950, 2026)})", f"Fig. {r.randint(1, 9)}", f"Table {r.randint(1, 9)}")))
        return " ".join(out)

    def numeral(self) -> str:
        r = self.r
        return r.choice((f"{r.randint(0, 999)}", f"{r.uniform(0, 99):.1f}", f"{r.uniform(0, 1):.3f}", f"{r.randint(1000, 99999):,}", f"{r.uniform(0, 100):.1f}%", f"${r.uniform(1, 9999):,.2f}", "—", f"{r.uniform(-9, 9):+.2f}", f"({r.randint(1, 99)})", f"{r.randint(1900, 2026)}", f"{r.uniform(0, 1):.2f} ± {r.uniform(0, .1):.2f}"))

    # --- blocks ------------------------------------------------------------------------------------------------------

    def flow(self, height: float) -> str:
        """Blocks for about so many pixels of one column, and more."""
        r, out, room = self.r, [], height * 1.25 + 100
        kinds = dict(BLOCKS[self.d.genre], p=45, lone=self.alone, side=25 if self.d.more["annotated"] else 0)
        kinds = {k: v * r.uniform(.3, 1.7) for k, v in kinds.items()}
        if r.random() < 0.5:
            out.append(self.p(r.uniform(.1, 1)))
        used, last, lines = 0.0, "", self.d.size * self.d.more["lead"]
        while used < room:
            kind = r.choices(list(kinds), list(kinds.values()))[0]
            if kind == "h" and last == "h" and r.random() < 0.7:
                continue
            block, tall = getattr(self, kind)()
            out.append(block)
            used += max(tall, lines)
            last = kind
        return "\n".join(out)

    def p(self, share=1.0):
        r = self.r
        n = max(15, int(self.long * r.uniform(.3, 1.8) * share))
        lead = ""
        if r.random() < self.run_in:
            lead = r.choice(("<b>{}.</b> ", "<b>{}.</b>&emsp;", "<i>{}.</i> ", "<b>{}:</b> ", "<b><i>{}.</i></b> ", "<span style='font-variant:small-caps'>{}.</span> ")).format(escape(self.short(r.choice((8, 14, 30)))))
        body = f'<p data-k="paragraph">{lead}{self.rich(n)}</p>'
        return (body, self.tall(n)) if share == 1.0 else body

    def lone(self):
        """A short line that is no heading: a signature, a line of an address, a remark, a date."""
        r = self.r
        text = escape(self.words(r.randint(5, 45)))
        text = r.choice((text, text, f"<b>{text}</b>", f"<i>{text}</i>", f"<b>{escape(self.short(10))}:</b> {text}"))
        align = r.choice(("left", "left", "left", "right", "center"))
        more = "<br>" + escape(self.short(20)) if r.random() < .3 else ""
        return f'<p data-k="paragraph" style="text-align:{align};text-indent:0">{text}{more}</p>', self.tall(30)

    def tall(self, n: int) -> float:
        return (1 + n * self.d.size * .47 / self.width) * self.d.size * self.d.more["lead"]

    def h(self):
        r = self.r
        level = r.choices((2, 3, 4), (3, 4, 2))[0]
        text = escape(self.short(r.choice((r.randint(4, 25), r.randint(5, 55), r.randint(40, 110)))))
        if self.d.numbered:
            self.number[level - 2] += 1
            number = ".".join(str(n) for n in self.number[:level - 1])
            text = r.choice((f"{number} {text}", f"{number}. {text}", f"{number}&emsp;{text}")) if level < 4 or r.random() < .5 else text
        if self.d.genre == "old" and level == 2:
            text = f"CHAPTER {r.choice(('I', 'II', 'IV', 'V', 'VII', 'IX', 'XII', 'XX'))}.<br>{text}"
        return f'<h{level} data-k="heading">{text}</h{level}>', 3 * self.d.size

    def items(self, depth=0):
        r, out, tall = self.r, [], 0.0
        ordered = r.random() < 0.45
        mark = self.d.list_marks[ordered]
        tag = "ol" if ordered else "ul"
        longest = r.choice((30, 60, 150, 300))
        count = r.randint(2, 9)
        for i in range(count):
            n = r.randint(8, longest)
            inner, more = "", 0.0
            if depth < 2 and r.random() < .1:
                inner, more = self.items(depth + 1)
            if mark in ("parens", "brackets"):
                sign = f"({i + 1})" if mark == "parens" else f"[{i + 1}]"
                out.append(f'<li data-k="list-item" style="list-style:none"><span style="display:inline-block;margin-left:-1.8em;width:1.8em">{sign}</span>{self.rich(n)}{inner}</li>')
            else:
                out.append(f'<li data-k="list-item" data-marked=1>{self.rich(n)}{inner}</li>')
            tall += self.tall(n) + more
        style = "" if mark in ("parens", "brackets") else f' style="list-style-type:{mark}"'
        start = f' start="{r.randint(1, 12)}"' if ordered and r.random() < .3 else ""
        return f"<{tag}{style}{start}>{''.join(out)}</{tag}>", tall

    def quote(self):
        n = self.r.randint(60, 400)
        return f'<blockquote><p data-k="paragraph">{self.rich(n)}</p></blockquote>', self.tall(n) * 1.2

    def verse(self):
        r = self.r
        lines = [f'<span style="padding-left:{r.choice((0, 0, 1, 2))}em">{escape(self.words(r.randint(20, 45)))}</span>' for _ in range(r.randint(4, 14))]
        return f'<p data-k="paragraph" style="text-align:left;text-indent:0;margin:.8em {r.uniform(1, 4):.1f}em">{"<br>".join(lines)}</p>', len(lines) * self.d.size * 1.4

    def box(self):
        n = self.r.randint(40, 300)
        head = f'<h4 data-k="heading" style="margin-top:0">{escape(self.short(15))}</h4>' if self.r.random() < .5 else ""
        return f'<div class="box">{head}<p data-k="paragraph" style="margin:0">{self.rich(n)}</p></div>', self.tall(n) + 30

    def side(self):
        """A note in the margin, beside the paragraph that it is on."""
        r, d = self.r, self.d
        left, right = d.more["left"], d.more["right"]
        room, gap = max(left, right), r.uniform(6, 18)
        n = r.randint(150, 500)
        text = self.words(r.choice((r.randint(4, 20), r.randint(10, 70), r.randint(60, 160))))
        if d.columns > 1 or room < 70:
            return self.p()
        place = f"left:{12 - room:.0f}px" if left > right else f"right:{12 - room:.0f}px"
        look = r.choice(("", "", "font-style:italic;", "font-weight:700;", "font-family:sans-serif;"))
        align = r.choice(("left", "left", "right" if left > right else "left", "justify"))
        note = f'<span data-k="marginal-note" style="position:absolute;{place};top:0;width:{room - 12 - gap:.0f}px;font-size:{r.uniform(.66, .9):.2f}em;line-height:{r.uniform(1.05, 1.35):.2f};text-indent:0;text-align:{align};{look}">{escape(text)}</span>'
        return f'<p data-k="paragraph" style="position:relative">{note}{self.rich(n)}</p>', self.tall(n)

    def caption(self, what: str) -> str:
        r = self.r
        self.counters[what] += 1
        name = {"figure": r.choice(("Figure", "Fig.", "FIG.", "Figure")), "table": r.choice(("Table", "Table", "TABLE", "Tab.")), "listing": r.choice(("Listing", "Example"))}[what]
        head = f"{name} {r.choice(('', f'{self.number[0]}.', ''))}{self.counters[what]}{r.choice(('.', ':', ' –', ''))}"
        head = r.choice((head, f"<b>{head}</b>", f"<i>{head}</i>")) if r.random() < .85 else ""
        return f'<figcaption data-k="caption">{head} {self.rich(r.choice((25, 60, 120, 260)))}</figcaption>'

    def figure(self):
        r = self.r
        wide = self.width * r.choice((r.uniform(.3, .7), r.uniform(.7, 1)))
        high = min(wide * r.uniform(.3, 1.1), self.d.height * .4)
        body = f'<span data-a="figure" style="display:inline-block;line-height:0">{figure(r, lambda n: self.words(n)[:n + 4], wide, high)}</span>'
        if wide < .5 * self.width and r.random() < .4:
            body += f'<span data-a="figure" style="display:inline-block;line-height:0;margin-left:6px">{figure(r, lambda n: self.words(n)[:n + 4], wide * .9, high)}</span>'
        caption = self.caption("figure") if r.random() < .8 else ""
        style = ""
        if self.d.columns == 1 and wide < .5 * self.width and r.random() < .5:
            style = f' style="float:{r.choice(("left", "right"))};width:{wide:.0f}px;margin:.4em 1em"'
        return f"<figure{style}>{caption + body if self.r.random() < .08 else body + caption}</figure>", high + (40 if caption else 0)

    def table(self):
        r, columns = self.r, self.r.randint(2, max(2, min(9, int(self.width / (self.d.size * 5)))))
        rows = r.choice((r.randint(2, 6), r.randint(4, 14), r.randint(10, 30)))
        kinds = [r.choice(("n", "n", "w", "s")) for _ in range(columns)]
        kinds[0] = r.choice(("w", "w", "n", "s"))
        room = self.width / columns / (self.d.size * .55)
        out, tall = [], 0.0
        head = r.random() < .85
        if head and columns > 3 and r.random() < .2:
            out.append(f'<tr class="head"><th></th><th colspan="{columns - 2}" style="text-align:center">{escape(self.short(20))}</th><th></th></tr>')
        if head:
            out.append('<tr class="head">' + "".join(f"<th>{escape(self.short(r.uniform(3, max(5, room))))}</th>" for _ in kinds) + "</tr>")
        bold = r.random() < .15
        for row in range(rows):
            cells = []
            if columns > 2 and r.random() < .04:
                out.append(f'<tr><td colspan="{columns}"><b>{escape(self.short(20))}</b></td></tr>')
                continue
            for i, kind in enumerate(kinds):
                if r.random() < .05:
                    cells.append("<td></td>")
                elif kind == "n":
                    cells.append(f'<td class="n">{self.numeral()}</td>')
                else:
                    n = r.uniform(3, room) if kind == "s" else r.uniform(4, max(8, room * r.choice((1, 1, 2.5))))
                    cell = escape(self.words(n))
                    cells.append(f"<td>{f'<b>{cell}</b>' if bold and i == 0 else cell}</td>")
            out.append("<tr>" + "".join(cells) + "</tr>")
            tall += 2 * self.d.size
        body = f'<div data-a="table" style="display:table;{r.choice(("", "", "margin:auto;"))}max-width:100%{";width:100%" if r.random() < .5 else ""}"><table style="margin:0">{"".join(out)}</table></div>'
        caption = self.caption("table") if r.random() < .65 else ""
        return f'<figure>{caption + body if self.d.caption_above else body + caption}</figure>', tall + 40

    def formula(self):
        r, out = self.r, []
        for _ in range(r.choice((1, 1, 1, 2, 3))):
            out.append(f"<div>{formula(r)}</div>")
        self.counters["formula"] += 1
        number = f'<span class="number">{r.choice(("({})", "({})", "[{}]")).format(self.counters["formula"])}</span>' if r.random() < .5 else ""
        return f'<div class="formula" data-k="formula" data-b=1>{"".join(out)}{number}</div>', 40 * len(out)

    def code(self):
        r = self.r
        lines = self.listing(r.choice((r.randint(1, 4), r.randint(3, 12), r.randint(8, 30), r.randint(20, 60) if self.d.genre in ("manual", "notes", "slides") else 6)))
        most = int(self.width / (self.d.size * .5))
        lines = [line[:most] for line in lines]
        if r.random() < .2:
            lines = [f"{i + 1:>3} {line}" for i, line in enumerate(lines)]
        body = f'<pre data-k="code" data-b=1>{escape(chr(10).join(lines))}</pre>'
        caption = self.caption("listing") if r.random() < .15 else ""
        return f"<figure>{body}{caption}</figure>" if caption else body, len(lines) * self.d.size * 1.1 + 20

    def listing(self, count: int) -> list[str]:
        r = self.r
        name = lambda: "_".join(self.words(r.randint(3, 9)).lower().split())[:14].strip("_,.;:()'\"") or "value"
        u = r.random()
        if u < .55 and PYTHON:
            lines = Path(r.choice(PYTHON)).read_text(encoding="utf-8", errors="ignore").split("\n")
            at = r.randrange(max(1, len(lines) - count))
            lines = lines[at:at + count]
            indent = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
            return [l[indent:].rstrip() for l in lines] or ["pass"]
        if u < .75:
            return [r.choice(("$ {} --{} {}", "# {} {}={}", "> {} {} {}", "{} -{} /usr/share/{}")).format(name(), name()[:5], name()) if r.random() < .5 else f"{name()}: {self.words(r.randint(5, 40))}" for _ in range(count)]
        out, depth = [], 0
        for _ in range(count):
            line = r.choice((f"int {name()} = {r.randint(0, 99)};", f"if ({name()} > {r.randint(0, 9)}) {{", f"return {name()}({name()}, {name()});", f"{name()}.{name()}({r.randint(0, 9)});", "}", f"// {self.words(25)}", f"for (i = 0; i < {name()}; i++) {{", f'"{name()}": "{name()}",', ""))
            depth -= line == "}" and depth > 0
            out.append("    " * depth + line)
            depth += line.endswith("{")
        return out

    def contents(self):
        r = self.r
        text = escape(self.short(r.randint(8, 45)))
        dots = r.choice(("flex:1;overflow:hidden;white-space:nowrap", "flex:1"))
        fill = " . " * 90 if "overflow" in dots and r.random() < .8 else ""
        return f'<div data-k="list-item" style="display:flex;padding-left:{r.choice((0, 0, 1.2, 2.4))}em"><span style="white-space:nowrap">{r.randint(1, 12)}.{r.randint(1, 9)} {text}</span><span style="{dots}">{fill}</span><span>&nbsp;{r.randint(1, 400)}</span></div>', self.d.size * 1.4

    def references(self):
        r, n = self.r, self.r.randint(70, 220)
        self.counters["note"] += 1
        sign = r.choice((f"[{self.counters['note']}] ", f"{self.counters['note']}. "))
        return f'<div data-k="list-item" style="padding-left:1.8em;text-indent:-1.8em;margin-bottom:{self.d.size * .2:.0f}px">{sign}{self.rich(n)}</div>', self.tall(n)

    # --- what stands once on a page -----------------------------------------------------------------------------------

    def title(self) -> str:
        r = self.r
        out = f'<h1 data-k="title">{escape(self.short(r.randint(10, 80)))}</h1>'
        if r.random() < .7:
            align = r.choice(("center", "center", "left"))
            people = ", ".join(self.short(14) for _ in range(r.randint(1, 5)))
            out += f'<p data-k="paragraph" style="text-align:{align};text-indent:0;margin:.5em 0">{escape(people)}</p>'
            if r.random() < .6:
                out += f'<p data-k="paragraph" class="small" style="text-align:{align};text-indent:0;margin:.2em 0 1.5em"><i>{escape(self.short(60))}</i><br>{escape(self.short(30))}</p>'
        if self.d.genre in ("article", "report") and r.random() < .6:
            head = r.choice(('<h4 data-k="heading" style="text-align:center">Abstract</h4>', '<h4 data-k="heading">Summary</h4>', ""))
            out += f'<div style="margin:0 {r.choice((0, 2, 4))}em 1em" class="small">{head}<p data-k="paragraph">{"" if head else "<b>Abstract.</b> "}{self.rich(r.randint(200, 900))}</p></div>'
        return f'<div class="{"span" if self.d.columns > 1 else ""}">{out}</div>'

    def notes(self) -> str:
        r = self.r
        out = ""
        for i in range(r.choice((1, 1, 2, 3, 5))):
            self.counters["note"] += 1
            sign = r.choice(("<sup>{}</sup>", "<sup>{}</sup> ", "{} ", "{}. ", "({}) ")).format(r.choice((self.counters["note"], self.counters["note"], "*†‡§"[i % 4])))
            out += f'<p data-k="footnote">{sign}{self.rich(r.randint(20, 260))}</p>'
        return f'<div class="notes">{out}</div>'
