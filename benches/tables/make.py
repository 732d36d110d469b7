"""Makes pages with tables of known structure: HTML, set to PDF by Chromium, and scans of it.

    make.py FOLDER COUNT [--seed N] [--held-out]

Writes NAME.pdf (as Chromium tags it), untagged/NAME.pdf (the same without its structure), scans/NAME.pdf (200 dpi, as a scanner leaves it) and
NAME.json: the tables as HTML. Style sheets come in two halves: rules are made up on the one, and `--held-out` takes the other."""

import html
import json
import random
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageFilter

TUNING = {
    "ruled": "td,th{border:1px solid #333}",
    "booktabs": "table{border-top:2px solid;border-bottom:2px solid}thead{border-bottom:1px solid}",
    "striped": "tbody tr:nth-child(even){background:#e8eef4}thead{border-bottom:1px solid #456}",
    "plain": "",
    "double": "table{border:3px double #000}td,th{border:.5px solid #777}",
    "dark-head": "thead th{background:#234;color:#fff}tbody tr{border-bottom:.5px solid #aaa}",
    "verticals": "table{border-top:1px solid;border-bottom:1px solid}thead{border-bottom:1px solid}td+td,th+th{border-left:1px solid #555}",
    "underlined-groups": "thead th[colspan]{border-bottom:1px solid}table{border-top:1.2px solid;border-bottom:1.2px solid}thead{border-bottom:.6px solid}",
    "airy": "td,th{padding:7px 18px!important}thead{border-bottom:2px solid #c33}",
    "boxes": "table{border-collapse:separate!important;border-spacing:3px}td,th{background:#eef}th{background:#cce}",
}
HELD_OUT = {
    "dotted": "td,th{border-bottom:1px dotted #555}thead{border-bottom:1px solid}",
    "column-lines": "td,th{border-right:.5px solid #999}thead{border-bottom:2px solid}",
    "green-bar": "tbody tr:nth-child(4n+1),tbody tr:nth-child(4n+2){background:#dfd}th{border-bottom:1px solid}",
    "boxed-head": "table{border:2px solid}thead th{border:1px solid}",
    "minimal": "thead{border-bottom:.5px solid}tbody tr:last-child{border-bottom:.5px solid}",
    "cards": "table{border:1px solid #ccc}td{border-top:1px solid #ddd}th{background:#eee;letter-spacing:.03em;font-size:.85em}",
}
WORDS = """account amber anchor annual balance basin bridge canal cargo carbon ceiling charter cinder coastal copper council delta deposit diesel district
dredger eastern engine estimate ferry figure freight gravel harbour inland interest invoice island kiln ledger lighthouse linen lumber marsh meadow mineral
mooring northern orchard outer payment pier pilot quarry quarter railway reservoir salt schedule season shelter signal slate southern station steel storage
supply survey tariff tidal timber tower transit turbine upper valley vessel voucher warehouse water western winter workshop""".split()


def words(r, least, most):
    return " ".join(r.choice(WORDS) for _ in range(r.randint(least, most))).capitalize()


def value(r, kind):
    if kind == "text":
        return words(r, 1, 2)
    if kind == "phrase":
        return words(r, 3, 9)
    if kind == "date":
        return f"{r.randint(2001, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
    number = r.choice([f"{r.randint(0, 999)}", f"{r.uniform(0, 90):.1f}%", f"{r.randint(1000, 99999):,}", f"{r.uniform(-40, 400):.2f}", f"{r.uniform(0, 9):.2f} ± {r.uniform(0, 1):.2f}"])
    return "" if r.random() < 0.06 else number


def table(r, narrow):
    """HTML of one table."""
    columns = r.randint(2, 4 if narrow else 7)
    kinds = [r.choice(["text", "date"])] + [r.choice(["number"] * 4 + ["text"]) for _ in range(columns - 1)]
    if r.random() < 0.3:
        kinds[-1] = "phrase"
    right = r.random() < 0.7
    cls = lambda at: ' class="r"' if right and kinds[at] == "number" else ""
    out = ["<table>"]
    headers = r.choice([0, 1, 1, 1, 2])
    if headers:
        out.append("<thead>")
        if headers == 2 and columns > 2:
            split = r.randint(2, columns - 1)
            groups = [split, columns - 1 - split] if columns - 1 - split else [split]
            out.append(f'<tr><th rowspan="2">{words(r, 1, 2)}</th>')
            out += [f'<th colspan="{n}">{words(r, 1, 2)}</th>' if n > 1 else f'<th rowspan="2">{words(r, 1, 1)}</th>' for n in groups]
            wide = split + (groups[1] if len(groups) > 1 and groups[1] > 1 else 0)
            out.append("</tr><tr>" + "".join(f"<th>{words(r, 1, 1)}</th>" for _ in range(wide)) + "</tr>")
        else:
            out.append("<tr>" + "".join(f"<th{cls(at)}>{words(r, 1, 2)}</th>" for at in range(columns)) + "</tr>")
        out.append("</thead>")
    out.append("<tbody>")
    row, rows = 0, r.randint(2, 11)
    while row < rows:
        over = r.choice([1] * 12 + [2, 3]) if columns > 2 else 1
        over = min(over, rows - row)
        for at in range(over):
            cells = [f'<td rowspan="{over}">{value(r, kinds[0])}</td>' if over > 1 else f"<td>{value(r, kinds[0])}</td>"] if at == 0 else []
            if over == 1 and columns > 3 and r.random() < 0.03:
                cells = [f'<td colspan="{columns}">{words(r, 4, 6)} {words(r, 4, 7)}</td>']
            else:
                cells += [f"<td{cls(c)}>{html.escape(value(r, kinds[c]))}</td>" for c in range(1, columns)]
            out.append("<tr>" + "".join(cells) + "</tr>")
        row += over
    return "".join(out) + "</tbody></table>"


def page(r, styles):
    two = r.random() < 0.4
    name = r.choice(sorted(styles))
    size, padding = r.choice([8.5, 9.5, 10.5, 11.5]), f"{r.randint(1, 6)}px {r.randint(5, 14)}px"
    sheet = f"""@page{{size:{r.choice(['A4', 'Letter'])};margin:{r.randint(14, 28)}mm}}
body{{font:{size}pt/{r.choice([1.25, 1.4, 1.55])} {r.choice(['serif', 'sans-serif', 'Georgia', 'Arial'])};columns:{2 if two else 1};column-gap:8mm;text-align:{r.choice(['left', 'justify'])};margin:0}}
table{{border-collapse:collapse;font-size:{r.choice([.85, .95, 1])}em;break-inside:avoid;text-align:left;line-height:1.25;margin:{r.choice(['.6em 0', '.6em auto'])}}}
td,th{{padding:{padding};vertical-align:{r.choice(['top', 'middle', 'bottom', 'baseline'])}}}
th{{font-weight:{r.choice(['bold', 'normal', 'bold'])};text-align:{r.choice(['left', 'center'])}}}.r{{text-align:right}}{styles[name]}"""
    text = lambda: "<p>" + ". ".join(words(r, 6, 14) for _ in range(r.randint(2, 6))) + ".</p>"
    body, tables = [f"<h1>{words(r, 3, 5)}</h1>", text()], []
    for at in range(r.randint(1, 3)):
        tables.append(table(r, two))
        caption = f"<p>Table {at + 1}: {words(r, 4, 8)}.</p>" if r.random() < 0.6 else ""
        body += [caption, tables[-1], text(), text()]
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>tables</title><style>{sheet}</style><body>{''.join(body)}", tables, name


def scan(r, pdf, out):
    subprocess.run(["pdftoppm", "-r", "200", "-gray", pdf, out.with_suffix("")], check=True)
    pages = []
    for file in sorted(out.parent.glob(out.stem + "-*.pgm")):
        image = Image.open(file).rotate(r.uniform(-0.5, 0.5), Image.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(r.uniform(0.3, 0.8)))
        noise = Image.effect_noise(image.size, r.uniform(6, 18))
        pages.append(Image.blend(image, noise, 0.08))
        file.unlink()
    pages[0].save(out, save_all=True, append_images=pages[1:], resolution=200, quality=80)


def main():
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 1
    styles = HELD_OUT if "--held-out" in sys.argv else TUNING
    for name in ("untagged", "scans"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for at in range(count):
        r = random.Random(f"{seed}:{at}:{sorted(styles)}")
        text, tables, style = page(r, styles)
        source, pdf = folder / f"t{at:04}.html", folder / f"t{at:04}.pdf"
        source.write_text(text)
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", source.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True)
        # Without what leads from the pages to the structure; as long as before, so that places in the file stay.
        (folder / "untagged" / pdf.name).write_bytes(pdf.read_bytes().replace(b"/StructParents", b"/NoStructured_"))
        scan(r, pdf, folder / "scans" / pdf.name)
        (folder / f"t{at:04}.json").write_text(json.dumps({"style": style, "tables": tables}))
        source.unlink()


main()
