"""Pages set by Chromium, with what each of their parts is: gray pictures and maps of kinds, a file for every hundred pages.

A page is one element of fixed size, so that its picture is what a reader would see of it and the boxes that the DOM tells are exact.
Each page is a pure function of its number (and of the fonts that are there).
"""
import io
import random
import re
import subprocess
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..config import Alphabet, work_dir
from ..text import TextSource
from .chromium import Chromium
from .content import Content
from .design import design
from .kinds import INDEX, NOTHING
from .look import sheet
from .shards import PAGES, asked, write

SIDE = 960  # longer side of the pictures that are kept, in pixels
CELL = 2  # their pixels a cell of the kept map
UNKNOWN = 255  # a cell about which nothing is said: the rim of a line

# Boxes of what is marked: [kind, is an area, left, top, right, bottom], in CSS pixels.
SCRIPT = """(async () => {
  await document.fonts.ready;
  const page = document.getElementById('page'), out = [], whole = page.getBoundingClientRect();
  const shown = (e, r) => {
    if (r.width < 1 || r.height < 1) return null;
    let c = {left: whole.left, top: whole.top, right: whole.right, bottom: whole.bottom};
    for (let p = e; p && p !== page; p = p.parentElement) if (p.dataset && p.dataset.clip) {
      const b = p.getBoundingClientRect();
      c = {left: Math.max(c.left, b.left - 40), top: Math.max(c.top, b.top), right: Math.min(c.right, b.right + 2), bottom: Math.min(c.bottom, b.bottom)};
    }
    if (e.closest('[data-k=marginal-note]')) Object.assign(c, {left: whole.left, right: whole.right});
    const x = (r.left + r.right) / 2, y = (r.top + r.bottom) / 2;
    if (x < c.left || x > c.right || y < c.top || y > c.bottom) return null;
    return [Math.max(r.left, c.left), Math.max(r.top, c.top), Math.min(r.right, c.right), Math.min(r.bottom, c.bottom)];
  };
  for (const e of document.querySelectorAll('[data-a]')) for (const r of e.getClientRects()) {
    const b = shown(e, r);
    if (b) out.push([e.dataset.a, 1, ...b]);
  }
  for (const e of document.querySelectorAll('[data-b]')) for (const r of e.getClientRects()) {
    const b = shown(e, r);
    if (b) out.push([e.dataset.k, 2, ...b]);
  }
  const walk = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    if (!n.data.trim()) continue;
    const owner = n.parentElement.closest('[data-k],[data-a],svg');
    if (!owner || !owner.dataset.k) continue;
    const range = document.createRange();
    range.selectNodeContents(n);
    for (const r of range.getClientRects()) {
      const b = shown(n.parentElement, r);
      if (b) out.push([owner.dataset.k, 0, ...b]);
    }
  }
  for (const e of document.querySelectorAll('[data-marked]')) {
    const range = document.createRange();
    range.selectNodeContents(e);
    const r = range.getClientRects()[0];
    if (!r) continue;
    const b = shown(e, r);
    if (b) out.push(['list-item', 0, b[0] - 1.1 * (b[3] - b[1]), b[1], b[0], b[3]]);
  }
  return out;
})()"""


def page(r: random.Random, text: TextSource, families: list[str]):
    """The HTML of a page, and its design."""
    d = design(r, families)
    c = Content(r, text, d)
    top, bottom = d.more["top"], d.more["bottom"]
    if r.random() < .12:
        top *= r.uniform(1, 4)
    parts = []
    begins = r.random() < {"article": .35, "report": .25, "letter": .7, "slides": .9, "old": .2, "news": .4}.get(d.genre, .2)
    number = str(r.choice((r.randint(1, 40), r.randint(1, 999)))) if r.random() < .93 else r.choice(("i", "iv", "vii", "xii", "xx", "A-3"))
    edge = lambda kind, value, more="": f'<span data-k="{kind}" style="{more}">{value}</span>'
    running = escape(c.short(r.randint(8, 60)))
    if r.random() < .3:
        running = running.upper()
    running = r.choice((running, running, f"<i>{running}</i>"))
    if d.header != "none" and not (begins and r.random() < .6):
        spans = {"text": [edge("page-header", running, f"flex:1;text-align:{r.choice(('left', 'center', 'right'))}")], "text-number": [edge("page-header", running, f"flex:1;text-align:{r.choice(('left', 'center'))}"), edge("page-number", number)],
                 "number-text": [edge("page-number", number), edge("page-header", running, f"flex:1;text-align:{r.choice(('right', 'center'))}")],
                 "both": [edge("page-header", running, "flex:1"), edge("page-header", escape(c.short(14)))], "ruled": [edge("page-header", running, "flex:1;border-bottom:1px solid"), edge("page-number", number)]}[d.header]
        parts.append(f'<div class="edge" style="top:{d.more["head"]:.0f}px">{"".join(spans)}</div>')
    if d.footer != "none":
        text_of = {"number": number, "dashes": f"– {number} –", "page-of": f"Page {number} of {int(number) + r.randint(0, 90) if number.isdigit() else number}"}.get(d.footer)
        align = r.choice(("center", "center", "left", "right"))
        if text_of:
            spans = edge("page-number", text_of, f"flex:1;text-align:{align}")
        else:
            spans = edge("page-footer", escape(c.short(r.randint(10, 90))), f"flex:1;text-align:{align}") + (edge("page-number", number) if d.footer == "text-number" else "")
        parts.append(f'<div class="edge" style="bottom:{d.more["foot"]:.0f}px;{r.choice(("", "", "border-top:1px solid;"))}">{spans}</div>')
    high = d.height - top - bottom
    noted = {"article": .3, "book": .35, "old": .4, "report": .2, "notes": .2}.get(d.genre, .06)
    fill = r.uniform(.15, .9) if r.random() < .15 else 1.0  # a page that ends before its foot
    opening = c.title() if begins else ""
    wide = d.columns > 1 and r.random() < .15
    if wide:
        narrow, c.width = c.width, d.width - d.more["left"] - d.more["right"]
        opening += f'<div>{r.choice((c.figure, c.table))()[0]}</div>'
        c.width = narrow
    if d.columns > 1 and (d.notes_by_column or wide):
        columns = ""
        for _ in range(d.columns):
            notes = c.notes() if r.random() < noted else ""
            columns += f'<div style="flex:1;min-width:0;display:flex;flex-direction:column"><div style="flex:1;min-height:0;overflow:hidden;columns:1;column-fill:auto" data-clip=1>{c.flow(high)}</div>{notes}</div>'
        body = f'{opening}<div style="flex:1;min-height:0;display:flex;gap:{d.more["gap"]:.0f}px">{columns}</div>'
        main = f'<div style="position:absolute;top:{top:.0f}px;height:{high:.0f}px;left:{d.more["left"]:.0f}px;right:{d.more["right"]:.0f}px;display:flex;flex-direction:column">{body}</div>'
    else:
        notes = c.notes() if r.random() < noted else ""
        flow = c.flow(high * d.columns * fill)
        if fill < 1:
            flow = flow[:flow.find("\n", int(len(flow) * fill / 1.4)) if flow.find("\n", int(len(flow) * fill / 1.4)) > 0 else None]
        main = (f'<div style="position:absolute;top:{top:.0f}px;height:{high:.0f}px;left:{d.more["left"]:.0f}px;right:{d.more["right"]:.0f}px;display:flex;flex-direction:column">'
                f'<div class="columns" style="flex:1;min-height:0;overflow:clip;overflow-clip-margin:0px;columns:{d.columns}" data-clip=1>{opening}{flow}</div>{notes}</div>')
        if "marginal-note" in flow:  # what stands beside the column is no overflow
            main = main.replace("overflow:clip;overflow-clip-margin:0px;", "overflow-x:visible;overflow-y:clip;column-gap:3000px;", 1)  # nor does what overflows show
    parts.append(main)
    for _ in range(r.choice((0,) * 8 + (1, 1, 2))):
        parts.append(stamp(r, c, d))
    return f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><style>{d.css}</style></head><body><div id="page">{"".join(parts)}</div></body></html>', d


def stamp(r, c, d) -> str:
    u = r.random()
    if u < .35:  # up or down a margin
        turned = r.choice(("transform:rotate(180deg);",) * 3 + ("",))
        at = f"left:{r.uniform(4, max(6, d.more['left'] - 26)):.0f}px" if r.random() < .8 else f"right:{r.uniform(4, max(6, d.more['right'] - 26)):.0f}px"
        says = r.choice((escape(c.words(r.randint(20, 60))), f"arXiv:{r.randint(1001, 2612)}.{r.randint(1, 99999):05} [{r.choice(('cs.CL', 'math.AG', 'hep-th', 'q-bio.NC'))}] {r.randint(1, 28)} May {r.randint(2010, 2026)}"))
        return f'<div data-k="stamp" style="position:absolute;{at};top:{d.height * r.uniform(.12, .5):.0f}px;writing-mode:vertical-rl;{turned}white-space:nowrap;line-height:1.1;font:{r.uniform(9, 20):.0f}px {r.choice(("serif", "serif", "sans-serif"))};color:{r.choice(("#888", "#555", "#000"))}">{says}</div>'
    if u < .55:  # a notice at the foot or the head
        place = r.choice(("bottom", "top"))
        return f'<div data-k="stamp" style="position:absolute;{place}:3px;left:{d.more["left"]:.0f}px;font:{r.uniform(7, 10):.1f}px sans-serif">{escape("Downloaded from " + c.words(30) + f" on {r.randint(1, 28)} May {r.randint(2005, 2026)}")}</div>'
    word = r.choice(("RECEIVED", "COPY", "PAID", "DRAFT", "APPROVED", "FILED", "LIBRARY", "CONFIDENTIAL", "ENTERED", "EINGEGANGEN", "VOID", "DUPLICATE", "Posted", "SECRET"))
    more = f"<br>{r.randint(1, 28)} {r.choice(('JAN', 'FEB', 'MAY', 'OCT'))} {r.randint(1930, 2026)}" if r.random() < .6 else ""
    more += f"<br>{escape(c.short(14))}" if r.random() < .3 else ""
    border = r.choice(("border:{0}px solid", "border:{0}px double", "border-top:{0}px solid;border-bottom:{0}px solid", "border:0px none")).format(r.randint(1, 4))
    return (f'<div data-k="stamp" data-b=1 style="position:absolute;left:{r.uniform(.05, .75) * d.width:.0f}px;top:{r.choice((r.uniform(.01, .07), r.uniform(.05, .9))) * d.height:.0f}px;transform:rotate({r.choice((0, r.uniform(-14, 14), r.uniform(-30, 30))):.0f}deg);'
            f'{border};border-radius:{r.choice((0, 0, 6))}px;padding:4px 10px;font:{r.choice((400, 700))} {r.uniform(12, 32):.0f}px {r.choice(("sans-serif", "sans-serif", "serif", "monospace"))};line-height:1.1;text-align:center;color:{r.choice(("#a33", "#336", "#444", "#000"))};background:none">{word}{more}</div>')


def shown(browser: Chromium, html: str, d):
    """(gray u8 [h, w], kinds u8 [h / CELL, w / CELL])"""
    scale = SIDE / max(d.width, d.height)
    browser.show(html, d.width, d.height, scale)
    boxes = browser.value(SCRIPT)
    gray = np.asarray(Image.open(io.BytesIO(browser.picture())).convert("L"))
    return gray, map_of(boxes, gray.shape, scale)


def map_of(boxes, shape, scale: float) -> np.ndarray:
    """Cells whose centres lie in a box are of its kind: lines over areas but within tables and pictures, and a rim of cells beside lines that are nothing's is left out."""
    out = Image.new("L", (shape[1] // CELL, shape[0] // CELL), NOTHING)
    draw = ImageDraw.Draw(out)
    fill = lambda box, kind, by=0.0: draw.rectangle([(v * scale + s) / CELL - .5 for v, s in zip(box, (-by, -by, by, by))], fill=kind)
    lines = [b for b in boxes if b[1] == 0]
    for kind, _, *box in lines:
        fill(box, UNKNOWN, 3.0)
    for kind, sort, *box in boxes:
        if sort == 2:
            fill(box, INDEX[kind])
    for kind, _, *box in lines:
        fill(box, INDEX[kind])
    for kind, sort, *box in boxes:
        if sort == 1:
            fill(box, INDEX[kind])
    for kind, _, *box in lines:
        if kind == "stamp":
            fill(box, INDEX[kind])
    return np.asarray(out).copy()


def families(folder: Path, held_out: bool) -> tuple[Path, list[str]]:
    """A fontconfig that has the lab's fonts as well, and the families with Latin letters: a tenth is kept for held-out pages."""
    config = folder / "fonts.conf"
    config.write_text(f'<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{folder / "packages"}</dir><cachedir>{folder / "fontcache"}</cachedir></fontconfig>')
    listed = subprocess.run(["fc-list", ":lang=en:lang=de", "family"], env={"FONTCONFIG_FILE": str(config), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True).stdout
    skip = re.compile("Noto (?!Sans$|Serif$|Sans Mono$)|Emoji|Symbol|Math|Dingbat|Music|D050000L|Standard Symbols|Cond|Caps|Quot|Dunhill|Unslanted|Initial|Looped|Z003|Chancery")
    names = sorted({line.split(",")[0].strip().replace("\\", "") for line in listed.splitlines()})
    names = [n for n in names if n and not skip.search(n)]
    kept = [n for i, n in enumerate(names) if (i % 10 == 7) == held_out]
    return config, kept


def main():
    args = asked(__doc__)
    config, names = families(work_dir(), args.split == "held_out")
    browser = Chromium(work_dir() / "chromium" / f"{args.split}-{args.first}", config)
    text = TextSource(Alphabet.load(args.alphabet), random.Random(0), args.split)

    def made(number: int):
        text.rng = random.Random(7_000_003 * (number + 1) + (args.split == "held_out"))
        return shown(browser, *page(text.rng, text, names))

    if args.sheet:
        sheet([made(number) for number in range(args.first, args.first + 12)]).save(args.sheet)
        browser.close()
        return
    for file in range(args.first, args.first + args.count):
        path = work_dir() / "layout-pages" / f"{args.split}-{file:04}.npz"
        if not path.exists():
            write(path, (made(file * PAGES + i) for i in range(PAGES)))
    browser.close()


if __name__ == "__main__":
    main()
