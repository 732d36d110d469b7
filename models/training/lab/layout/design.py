"""A random style sheet: page, type, columns, and how each kind of block is set. One design is one document's."""
import math
import random
from dataclasses import dataclass, field

PAGES = ((794, 1123),) * 5 + ((816, 1056),) * 4 + ((560, 794), (528, 816), (480, 720), (600, 850), (640, 960), (1123, 794))
GENRES = dict(article=5, report=5, book=4, old=3, letter=1, manual=3, tables=3, news=2, slides=1, contents=1, references=1, typed=1.5, notes=1)
TYPED = ("Courier Prime", "Courier", "Nimbus Mono PS", "FreeMono", "Liberation Mono", "TeX Gyre Cursor", "Latin Modern Mono", "CMU Typewriter Text")
OLD = ("Old Standard TT", "Junicode", "Goudy Bookletter 1911", "EB Garamond", "Cardo", "Century Catalogue", "Elstob", "GFS Didot", "GFS Baskerville", "C059", "CMU Serif", "TeX Gyre Pagella")
MONOSPACE = ("DejaVu Sans Mono", "Liberation Mono", "Courier", "Fira Code", "Hack", "IBM Plex Mono", "Latin Modern Mono", "TeX Gyre Cursor", "Noto Sans Mono", "Courier Prime")


@dataclass
class Design:
    genre: str
    width: int
    height: int
    size: float  # of the body's type, CSS pixels
    columns: int
    css: str
    numbered: bool
    table: str
    list_marks: tuple
    header: str
    footer: str
    notes_by_column: bool
    caption_above: bool
    more: dict = field(default_factory=dict)


def design(r: random.Random, families: list[str]) -> Design:
    genre = r.choices(list(GENRES), list(GENRES.values()))[0]
    pages = PAGES if genre not in ("book", "old", "slides") else ((1123, 794), (960, 540)) if genre == "slides" else PAGES[9:14] + PAGES[:2]
    width, height = r.choice(pages)
    have = lambda names: [f for f in names if f in families] or families
    body = r.choice(have(TYPED if genre == "typed" or genre == "letter" and r.random() < 0.4 else OLD if genre == "old" else families))
    other = r.choice(families)
    columns = {"article": (1, 2, 2, 2), "news": (2, 3, 3, 4), "report": (1, 1, 1, 2), "references": (1, 2), "old": (1, 1, 1, 2), "manual": (1, 1, 2), "tables": (1, 1, 1, 2), "notes": (1, 2)}.get(genre, (1,))
    columns = r.choice(columns) if width > 500 else 1
    size = r.uniform(11, 15) if genre != "slides" else r.uniform(17, 26)
    if columns > 2:
        size = r.uniform(9.5, 12)
    size *= width / 794 if width < 700 else 1
    size = max(9, size)
    side = width * r.uniform(0.05, 0.14) * (0.7 if columns > 1 else 1)
    left = right = side
    # Beside one of the sides is room for notes.
    annotated = columns == 1 and width > 500 and r.random() < {"old": .4, "notes": .4, "manual": .2, "book": .25, "report": .15, "article": .4}.get(genre, 0)
    if annotated:
        wide = width * r.uniform(0.16, 0.28)
        left, right = r.choice(((wide, side), (side, wide)))
    gap = size * r.choice((r.uniform(0.9, 1.6), r.uniform(1.6, 3)))
    sans = r.random() < 0.4
    heading = r.choice((body, body, other))
    headed = dict(weight=r.choice((700, 700, 700, 400)), style=r.choice(("normal",) * 4 + ("italic",)), variant=r.choice(("normal",) * 5 + ("small-caps",)),
                  transform=r.choice(("none",) * 5 + ("uppercase",)), align=r.choice(("left", "left", "left", "center")))
    scale = r.uniform(1.0, 1.35)
    ink = r.choice(("#000",) * 5 + ("#222", "#024", "#420"))
    rule = r.choice(("none",) * 6 + (f"border-bottom:1px solid {ink};", f"border-bottom:2px solid {ink};", f"background:{r.choice(('#ddd', '#eee', '#ccd'))};", "background:#222;color:#fff;padding:2px 6px;"))
    indent = r.choice((0, 0, 1, 1.5, 2)) * size
    gap_after = r.uniform(0.3, 1) * size if indent == 0 else r.choice((0, 0, 0.2)) * size
    lead = r.uniform(1.1, 1.55) if genre not in ("typed", "letter") else r.uniform(1.1, 2)
    justify = r.choice(("justify", "justify", "left")) if genre not in ("typed", "letter", "slides") else "left"
    code = r.choice(("", "", "background:#eee;", "background:#f4f4f4;border:1px solid #bbb;", f"border-left:3px solid #999;padding-left:8px;", "border:1px solid #444;", "border-top:1px solid;border-bottom:1px solid;", "background:#333;color:#eee;"))
    rows = r.uniform(0.05, 0.55)
    cell = f"padding:{rows * size:.1f}px {r.uniform(.3, 1) * size:.1f}px;"
    table = r.choice(("grid", "grid", "rows", "booktabs", "booktabs", "none", "none", "striped", "header", "columns", "box"))
    shade = r.choice(("#ddd", "#eee", "#cdd", "#bbb"))
    css = {
        "grid": f"td,th{{border:1px solid {r.choice(('#000', '#888', '#bbb'))};}}", "rows": f"td,th{{border-bottom:1px solid {r.choice(('#000', '#999', '#ccc'))};}}",
        "booktabs": "table{border-top:2px solid;border-bottom:2px solid;}tr.head td,tr.head th{border-bottom:1px solid;}", "none": "", "striped": f"tr:nth-child(even) td{{background:{shade};}}",
        "header": f"tr.head td,tr.head th{{background:{r.choice((shade, '#333;color:#fff', '#246;color:#fff'))};}}", "columns": "td+td,th+th{border-left:1px solid;}tr.head td,tr.head th{border-bottom:1px solid;}table{border-top:1px solid;border-bottom:1px solid;}", "box": "table{border:1px solid;}",
    }[table]
    quote = lambda f: f"'{f}',{'sans-serif' if sans else 'serif'}"
    # Headings below the first are set like it, or in a way of their own: not always larger than the text, not always bold.
    looks = {}
    for i in (2, 3, 4):
        looks[i] = dict(headed)
        if i > 2 and r.random() < 0.5:
            looks[i].update(r.choice((dict(weight=700, style="normal", variant="normal"), dict(weight=400, style="italic", variant="normal"), dict(weight=400, style="normal", variant="small-caps"),
                                      dict(weight=700, style="italic", variant="normal"), dict(weight=400, style="normal", variant="normal"))), align=r.choice(("left", "left", headed["align"])))
        sized = size * max(1, 1.05 * scale ** (4 - i))
        if looks[i]["weight"] == 400 and looks[i]["style"] == "normal" and looks[i]["variant"] == "normal" and looks[i]["transform"] == "none":
            sized = max(sized, size * r.uniform(1.12, 1.3))  # else nothing would tell it from a line of text
        looks[i]["size"] = sized
    levels = "".join(
        f"h{i}{{font-family:{quote(heading)};font-size:{look['size']:.1f}px;font-weight:{look['weight']};font-style:{look['style']};font-variant:{look['variant']};"
        f"text-transform:{look['transform'] if i == 2 else 'none'};text-align:{look['align']};margin:{r.uniform(.6, 1.8) * size:.1f}px 0 {r.uniform(.1, .8) * size:.1f}px;line-height:1.2;break-after:avoid;break-inside:avoid;{rule if i == 2 else ''}}}" for i, look in looks.items())
    css = f"""*{{box-sizing:border-box}}html,body{{margin:0;padding:0;background:{r.choice(('#fff',) * 9 + ('#f6f0e0',))};color:{ink}}}
#page{{position:relative;width:{width}px;height:{height}px;overflow:hidden;font:{size:.2f}px/{lead:.2f} {quote(body)};padding:0 {right:.0f}px 0 {left:.0f}px}}
p{{margin:0 0 {gap_after:.1f}px;text-align:{justify};text-indent:{indent:.1f}px;hyphens:{r.choice(('auto', 'manual'))};orphans:1;widows:1}}
h1{{font-family:{quote(heading)};font-size:{size * r.uniform(1.4, 2.8):.1f}px;text-align:{r.choice(('left', 'center', 'center'))};line-height:1.15;margin:{r.uniform(0, 3) * size:.0f}px 0 {r.uniform(.5, 2) * size:.0f}px;font-weight:{r.choice((700, 700, 400))};{r.choice(('', '', 'text-transform:uppercase;', 'font-variant:small-caps;'))}}}
{levels}
ul,ol{{margin:{r.uniform(0, .7) * size:.1f}px 0;padding-left:{r.uniform(1.2, 3) * size:.1f}px;}}li{{margin:0 0 {r.choice((0, .1, .3, .6)) * size:.1f}px;text-align:{justify};list-style-position:{r.choice(('outside',) * 4 + ('inside',))}}}
table{{border-collapse:collapse;font-size:{r.choice((1, 1, .9, .85, .8)) * size:.1f}px;line-height:{r.uniform(1.1, 1.35):.2f};margin:{r.uniform(.3, 1.2) * size:.0f}px {r.choice(('0', 'auto'))};break-inside:avoid;{r.choice(('width:100%;', 'width:100%;', ''))}}}td,th{{{cell}vertical-align:{r.choice(('top', 'middle', 'baseline'))};text-align:left}}{css}
td.n{{text-align:{r.choice(('right', 'right', 'center', 'left'))}}}
figure{{margin:{r.uniform(.4, 1.4) * size:.0f}px 0;break-inside:avoid;text-align:{r.choice(('center', 'center', 'left'))}}}
figcaption,.caption{{font-size:{r.choice((1, .95, .9, .85, .8)) * size:.1f}px;text-align:{r.choice(('left', 'center', 'justify'))};font-style:{r.choice(('normal', 'normal', 'italic'))};line-height:{r.uniform(1.1, 1.35):.2f};margin:{r.uniform(.1, .6) * size:.0f}px {r.choice((0, 0, 2)) * size:.0f}px;font-weight:{r.choice((400,) * 4 + (700,))}}}
pre{{font-family:'{r.choice(have(MONOSPACE))}',monospace;font-size:{r.uniform(.72, .95) * size:.1f}px;line-height:{r.uniform(1.05, 1.4):.2f};margin:{r.uniform(.3, 1.2) * size:.0f}px {r.choice((0, 0, 1.5)) * size:.0f}px;padding:{r.choice((0, .4, .8)) * size:.0f}px;white-space:pre;overflow:hidden;break-inside:avoid;{code}}}
.formula{{margin:{r.uniform(.3, 1.1) * size:.0f}px 0;text-align:{r.choice(('center', 'center', 'center', 'left'))};position:relative;break-inside:avoid;text-indent:0}}.formula .number{{position:absolute;right:0;top:50%;transform:translateY(-50%)}}
.notes{{font-size:{r.uniform(.72, .9) * size:.1f}px;line-height:{r.uniform(1.1, 1.3):.2f};margin-top:{r.uniform(.4, 1.2) * size:.0f}px;{r.choice(('', 'padding-top:3px;border-top:1px solid;', 'padding-top:3px;'))}}}.notes p{{text-indent:{r.choice((0, 0, .8)) * size:.0f}px;margin:0}}
.columns{{column-gap:{gap:.0f}px;column-fill:auto;{r.choice(('', '', '', 'column-rule:1px solid;')) if columns > 1 else ''}}}
.span{{column-span:all}}.small{{font-size:.9em}}.box{{border:1px solid #555;padding:.6em;margin:.8em 0;break-inside:avoid;{r.choice(('', 'background:#eee;'))}}}
blockquote{{margin:.6em {r.uniform(1, 3):.1f}em;{r.choice(('', 'font-style:italic;', 'font-size:.9em;'))}}}
.edge{{position:absolute;left:{r.choice((left, side)):.0f}px;right:{r.choice((right, side)):.0f}px;font-size:{r.uniform(.75, 1) * size:.1f}px;line-height:1.2;display:flex;gap:1em}}
"""
    marks = (r.choice(("disc", "disc", "square", "circle", "'–  '", "'• '", "'* '")), r.choice(("decimal", "decimal", "lower-alpha", "upper-roman", "lower-roman", "parens", "brackets")))
    return Design(
        genre, width, height, size, columns, css, numbered=r.random() < 0.5, table=table, list_marks=marks,
        header=r.choice(("none", "text", "text-number", "number-text", "both", "ruled")) if genre not in ("letter",) else "none",
        footer=r.choice(("none", "number", "number", "dashes", "text-number", "text", "page-of")), notes_by_column=r.random() < 0.5,
        caption_above=r.random() < 0.5, more=dict(left=left, right=right, annotated=annotated, gap=gap, lead=lead, head=height * r.uniform(.03, .06), top=height * r.uniform(.07, .12), bottom=height * r.uniform(.06, .12), foot=height * r.uniform(.02, .05)))
