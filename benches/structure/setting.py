"""Sets documents as HTML: style sheets made at random, by a seed."""

import html
import random

FAMILIES = ["'Liberation Serif'", "'Liberation Sans'", "'DejaVu Serif'", "'DejaVu Sans'", "'Nimbus Roman'", "'Nimbus Sans'", "'Bitstream Charter'",
            "'C059'", "'Latin Modern Roman'", "'Liberation Sans Narrow'"]


class Style:
    def __init__(self, seed):
        r = random.Random(seed)
        self.r = r
        self.columns = r.choice([1, 1, 1, 2, 2, 3])
        self.size = r.choice([9, 10, 10.5, 11, 12]) if self.columns < 3 else r.choice([8.5, 9, 9.5])
        self.paper = r.choice(["A4", "letter"])
        self.family = r.choice(FAMILIES)
        self.table = r.choice(["ruled", "booktabs", "plain", "striped", "shaded-head", "rows", "boxed"])
        self.head = r.random() < .75
        self.running = r.choice(["Proceedings of the Harbour Society", "TIDES AND SEDIMENTS", "Annual report 2019", "J. Made-up Stud. 12 (2021) 44-61"])

    def css(self):
        r = self.r
        margin = r.choice([15, 20, 25])
        spaced = r.random() < .5
        center = r.random() < .25
        head_family = r.choice([self.family, "'Liberation Sans'", "'DejaVu Sans'"])
        h1, h2 = r.choice([(1.5, 1.2), (1.35, 1.15), (1.2, 1.0), (1.7, 1.3)])
        h2_look = r.choice(["font-style:italic;font-weight:normal", "font-weight:bold", "font-weight:bold;font-style:italic", "font-variant:small-caps"])
        if h2 == 1.0:
            h2_look = "font-weight:bold"
        h1_look = r.choice(["font-weight:bold", "font-weight:bold;text-transform:uppercase", "font-weight:bold;color:#234", "font-weight:bold"])
        align = r.choice(["justify", "left", "justify"])
        gap = r.choice([14, 18, 24])
        rules = {
            "ruled": "th,td{border:1px solid #333}",
            "booktabs": "table{border-top:1.5px solid #000;border-bottom:1.5px solid #000}thead tr:last-child th{border-bottom:1px solid #000}",
            "plain": "",
            "striped": "tbody tr:nth-child(odd) td{background:#eee}thead th{border-bottom:1px solid #666}",
            "shaded-head": "thead th{background:#ccd}tr{border-bottom:.5px solid #999}",
            "rows": "tr{border-bottom:.7px solid #555}",
            "boxed": "table{border:1px solid #000}thead{border-bottom:1px solid #000}td+td,th+th{border-left:.5px solid #000}",
        }[self.table]
        number = r.choice(["@bottom-center{content:counter(page)}", "@bottom-right{content:'Page ' counter(page) ' of ' counter(pages)}", "@top-right{content:counter(page)}",
                           "@bottom-center{content:'- ' counter(page) ' -'}"])
        running = f"@top-left{{content:'{self.running}';font-style:{r.choice(['italic', 'normal'])}}}" if self.head else ""
        return f"""
@page{{size:{self.paper};margin:{margin + 5}mm {margin}mm;font:{.85 * self.size}pt {self.family};{number}{running}}}
html{{font:{self.size}pt/{r.choice([1.2, 1.3, 1.45])} {self.family}}}
body{{margin:0;text-align:{align};columns:{self.columns};column-gap:{gap}pt;widows:2;orphans:2}}
h1.title{{font:bold {r.choice([1.8, 2.1])}em {head_family};text-align:{r.choice(['center', 'left'])};column-span:all;margin:0 0 .8em}}
h2{{font-family:{head_family};font-size:{h1}em;{h1_look};margin:1.1em 0 .5em;text-align:{'center' if center else 'left'};break-after:avoid}}
h3{{font-family:{head_family};font-size:{h2}em;{h2_look};margin:.9em 0 .4em;text-align:left;break-after:avoid}}
p{{margin:{'0 0 .7em' if spaced else '0'};text-indent:{'0' if spaced else '1.4em'}}}
h2+p,h3+p{{text-indent:0}}
ul,ol{{margin:.5em 0;padding-left:{r.choice([1.6, 2.2])}em}} li{{margin:{r.choice([0, .25])}em 0}}
table{{border-collapse:collapse;margin:.4em {r.choice(['auto', '0'])};font-size:{r.choice([.85, .95, 1])}em;break-inside:avoid;text-align:left;line-height:1.2}}
th,td{{padding:{r.choice([2, 3, 5])}px {r.choice([5, 8, 12])}px;vertical-align:{r.choice(['top', 'middle'])}}} th{{font-weight:{r.choice(['bold', 'bold', 'normal'])}}}
{rules}
td.right{{text-align:right}} th.right{{text-align:{r.choice(['right', 'left', 'center'])}}} th[colspan]{{text-align:center}}
.caption{{font-size:.88em;margin:.4em 0 .9em;text-indent:0;text-align:{r.choice(['center', 'left'])};{r.choice(['font-style:italic', '', ''])}}}
.keep{{break-inside:avoid}}
pre{{font:{.85 * self.size}pt/1.25 'DejaVu Sans Mono';{r.choice(['background:#f2f2f2;padding:6px', 'border:1px solid #aaa;padding:6px', 'margin-left:1.5em'])};white-space:pre-wrap;break-inside:avoid;text-align:left}}
svg{{display:block;margin:.6em auto .2em;max-width:100%}}
"""


def chart(seed):
    r = random.Random(seed)
    bars = "".join(f"<rect x='{20 + 26 * i}' y='{110 - h}' width='18' height='{h}' fill='#{r.randint(40, 99)}{r.randint(40, 99)}{r.randint(40, 99)}'/><text x='{22 + 26 * i}' y='123' font-size='8'>{i + 1}</text>"
                   for i, h in enumerate(r.randint(10, 100) for _ in range(6)))
    return f"<svg width='190' height='130' viewBox='0 0 190 130'><path d='M15 5V110H185' fill='none' stroke='#000'/>{bars}</svg>"


def table_html(table, classes=True):
    """The grid as HTML; `classes`: with what the style sheet needs."""
    out = ["<table>"]
    for at, row in enumerate(table["grid"]):
        if at == 0 and table["header_rows"]:
            out.append("<thead>")
        if at == table["header_rows"]:
            out.append("</thead><tbody>" if at else "<tbody>")
        out.append("<tr>")
        taken = table["columns"] - sum(cell.get("column_span", 1) for cell in row)
        column = taken
        for cell in row:
            tag = "th" if cell.get("is_header") else "td"
            spans = "".join(f' {name}="{cell[key]}"' for name, key in [("rowspan", "row_span"), ("colspan", "column_span")] if cell.get(key, 1) > 1)
            right = ' class="right"' if classes and column < table["columns"] and table["aligns"][column] == "right" else ""
            out.append(f"<{tag}{spans}{right}>{html.escape(cell['text'])}</{tag}>")
            column += cell.get("column_span", 1)
        out.append("</tr>")
    return "".join(out) + "</tbody></table>"


def page(blocks, style):
    """The whole document."""
    out, depth, i = [], [], 0

    def close(level):
        while len(depth) > level:
            out.append(f"</li></{depth.pop()}>")

    while i < len(blocks):
        block, text = blocks[i], html.escape(blocks[i].get("text", ""))
        kind = block["kind"]
        if kind != "list-item":
            close(0)
        if kind == "title":
            out.append(f"<h1 class='title'>{text}</h1>")
        elif kind == "heading":
            out.append(f"<h{block['level'] + 1}>{text}</h{block['level'] + 1}>")
        elif kind == "paragraph":
            out.append(f"<p>{text}</p>")
        elif kind == "list-item":
            if len(depth) < block["level"]:
                tag = "ul" if block["style"] == "disc" else "ol"
                out.append(f"<{tag} style='list-style-type:{block['style']}'>")
                depth.append(tag)
            else:
                close(block["level"])
                if block["first"]:
                    close(block["level"] - 1)
                    tag = "ul" if block["style"] == "disc" else "ol"
                    out.append(f"<{tag} style='list-style-type:{block['style']}'>")
                    depth.append(tag)
                else:
                    out.append("</li>")
            out.append(f"<li>{text}")
        elif kind in ("table", "figure", "caption"):
            pair = blocks[i:i + 2]
            pieces = [table_html(b) if b["kind"] == "table" else chart(b["seed"]) if b["kind"] == "figure" else f"<p class='caption'>{html.escape(b['text'])}</p>" for b in pair]
            out.append(f"<div class='keep'>{''.join(pieces)}</div>")
            i += 1
        elif kind == "code":
            out.append(f"<pre>{text}</pre>")
        i += 1
    close(0)
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(blocks[0]['text'])}</title><style>{style.css()}</style><body>{''.join(out)}</body></html>"
