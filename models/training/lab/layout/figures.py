"""Pictures as SVG: charts, diagrams, drawings, and what looks like a photograph."""
import math
import random
from html import escape

GRAYS = ("#000", "#222", "#444", "#666", "#888", "#aaa", "#ccc", "#eee", "#fff")
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#7f7f7f", "#bcbd22", "#003366", "#8b0000")


def figure(r: random.Random, words, width: float, height: float) -> str:
    draw = r.choice((bars, bars, curves, curves, scatter, pie, boxes, boxes, drawing, photograph, photograph, map_of, apparatus, emblem))
    body = draw(r, words, width, height)
    if r.random() < 0.3:
        body += f'<rect x="1" y="1" width="{width - 2:.0f}" height="{height - 2:.0f}" fill="none" stroke="#333" stroke-width="{r.uniform(.5, 2):.1f}"/>'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'font-size="{r.uniform(7, 13):.1f}" font-family="{r.choice(("serif", "sans-serif", "inherit"))}">{body}</svg>')


def label(x, y, text, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'


def axes(r, words, w, h):
    """Lines, ticks and numbers; the rectangle within which to draw."""
    x0, y0, x1, y1 = 0.1 * w + 12, 0.05 * h + 4, 0.97 * w, 0.88 * h - 8
    out = f'<path d="M{x0:.0f} {y0:.0f}V{y1:.0f}H{x1:.0f}" fill="none" stroke="#000"/>'
    if r.random() < 0.4:
        out += f'<rect x="{x0:.0f}" y="{y0:.0f}" width="{x1 - x0:.0f}" height="{y1 - y0:.0f}" fill="none" stroke="#000"/>'
    grid = r.random() < 0.4
    top, unit = r.choice((1, 5, 10, 40, 100, 250, 1000)), r.randint(3, 7)
    for i in range(unit + 1):
        y = y1 - (y1 - y0) * i / unit
        out += label(x0 - 4, y + 3, f"{top * i / unit:g}"[:5], "end")
        if grid:
            out += f'<path d="M{x0:.0f} {y:.0f}H{x1:.0f}" stroke="#bbb" stroke-width=".5"/>'
    for i in range(unit + 1):
        x = x0 + (x1 - x0) * i / unit
        out += label(x, y1 + 12, str(r.choice((i, 10 * i, 1990 + i, 2 ** i))))
    if r.random() < 0.7:
        out += label((x0 + x1) / 2, min(h - 2, y1 + 25), words(r.randint(4, 22)))
    if r.random() < 0.5:
        out += label(9, (y0 + y1) / 2, words(r.randint(4, 14)), "middle", f'transform="rotate(-90 9 {(y0 + y1) / 2:.0f})"')
    if r.random() < 0.3:
        out += label((x0 + x1) / 2, y0 + 4, words(r.randint(8, 30)))
    return out, (x0, y0, x1, y1)


def colour(r):
    return r.choice(GRAYS[:7] if r.random() < 0.5 else COLOURS)


def bars(r, words, w, h):
    out, (x0, y0, x1, y1) = axes(r, words, w, h)
    count, series = r.randint(3, 9), r.randint(1, 3)
    fills = [colour(r) for _ in range(series)]
    step = (x1 - x0) / count
    for i in range(count):
        for j in range(series):
            tall = (y1 - y0) * r.uniform(0.05, 0.95)
            wide = step * 0.8 / series
            out += f'<rect x="{x0 + i * step + j * wide + .1 * step:.1f}" y="{y1 - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{fills[j]}" stroke="#000" stroke-width=".5"/>'
    return out


def curves(r, words, w, h):
    out, (x0, y0, x1, y1) = axes(r, words, w, h)
    for k in range(r.randint(1, 5)):
        a, b, c = r.uniform(0.2, 0.8), r.uniform(-0.4, 0.4), r.uniform(0, 0.25)
        f, p, noise = r.uniform(1, 14), r.uniform(0, 6), r.choice((0, 0, 0.03))
        points = " ".join(f"{x0 + (x1 - x0) * t / 60:.1f},{y1 - (y1 - y0) * min(1, max(0, a + b * t / 60 + c * math.sin(f * t / 60 + p) + r.gauss(0, noise))):.1f}" for t in range(61))
        dash = r.choice(("", "", 'stroke-dasharray="4 3"', 'stroke-dasharray="1 3"'))
        out += f'<polyline points="{points}" fill="none" stroke="{colour(r)}" stroke-width="{r.uniform(.6, 2):.1f}" {dash}/>'
        if r.random() < 0.5:
            out += f'<path d="M{x1 - 70:.0f} {y0 + 12 + 12 * k:.0f}h18" stroke="{colour(r)}"/>' + label(x1 - 48, y0 + 15 + 12 * k, words(6), "start")
    return out


def scatter(r, words, w, h):
    out, (x0, y0, x1, y1) = axes(r, words, w, h)
    for _ in range(r.randint(1, 3)):
        fill, mx, my, s = colour(r), r.uniform(.2, .8), r.uniform(.2, .8), r.uniform(.05, .3)
        for _ in range(r.randint(10, 60)):
            x, y = min(1, max(0, r.gauss(mx, s))), min(1, max(0, r.gauss(my, s)))
            out += f'<circle cx="{x0 + x * (x1 - x0):.1f}" cy="{y0 + y * (y1 - y0):.1f}" r="{r.choice((1.5, 2, 3))}" fill="{r.choice((fill, "none"))}" stroke="{fill}"/>'
    return out


def pie(r, words, w, h):
    cx, cy, radius, at, out = w / 2, h / 2, 0.42 * min(w, h), 0.0, ""
    for _ in range(r.randint(3, 7)):
        part = min(r.uniform(0.3, 2), 6.28 - at)
        x0, y0, x1, y1 = (cx + radius * math.cos(at), cy + radius * math.sin(at), cx + radius * math.cos(at + part), cy + radius * math.sin(at + part))
        out += f'<path d="M{cx:.1f} {cy:.1f}L{x0:.1f} {y0:.1f}A{radius:.1f} {radius:.1f} 0 {int(part > math.pi)} 1 {x1:.1f} {y1:.1f}Z" fill="{colour(r)}" stroke="#fff"/>'
        out += label(cx + 1.25 * radius * math.cos(at + part / 2), cy + 1.15 * radius * math.sin(at + part / 2), words(r.randint(3, 10)))
        at += part
    return out


def boxes(r, words, w, h):
    """A flow chart or block diagram."""
    out, columns, rows = "", max(1, min(4, int(w / 110))), max(1, min(5, int(h / 55)))
    wide, tall = w / columns, h / rows
    shape, fill = r.choice((0, 4, 12, 99)), r.choice(("none", "none", "#eee", "#ddd", "#cde"))
    centres = [((i + .5) * wide, (j + .5) * tall) for j in range(rows) for i in range(columns) if r.random() < 0.85]
    for (ax, ay), (bx, by) in zip(centres, centres[1:]):
        out += f'<path d="M{ax:.0f} {ay:.0f}L{bx:.0f} {by:.0f}" stroke="#000"/>'
    for x, y in centres:
        out += f'<rect x="{x - .36 * wide:.0f}" y="{y - .28 * tall:.0f}" width="{.72 * wide:.0f}" height="{.56 * tall:.0f}" rx="{shape}" fill="{"#fff" if fill == "none" else fill}" stroke="#000"/>'
        out += label(x, y + 4, words(r.randint(3, max(4, int(wide / 9)))))
        if tall > 70 and r.random() < 0.4:
            out += label(x, y + 16, words(r.randint(3, max(4, int(wide / 9)))))
    return out


def blob(r, cx, cy, radius, n=9):
    points = [(cx + radius * r.uniform(.5, 1.1) * math.cos(6.28 * i / n), cy + radius * r.uniform(.5, 1.1) * math.sin(6.28 * i / n)) for i in range(n)]
    middle = lambda a, b: ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    out = "M{:.1f} {:.1f}".format(*middle(points[-1], points[0]))
    for a, b in zip(points, points[1:] + points[:1]):
        m = middle(a, b)
        out += f"Q{a[0]:.1f} {a[1]:.1f} {m[0]:.1f} {m[1]:.1f}"
    return out + "Z"


def drawing(r, words, w, h):
    """Strokes and hatching, as an engraving has them."""
    out = ""
    for _ in range(r.randint(3, 14)):
        x, y, s = r.uniform(.15, .85) * w, r.uniform(.15, .85) * h, r.uniform(.05, .35) * min(w, h)
        out += f'<path d="{blob(r, x, y, s)}" fill="{r.choice(("none", "none", "#fff", "#ddd", "#555"))}" stroke="#000" stroke-width="{r.uniform(.5, 2):.1f}"/>'
        if r.random() < 0.5:
            slope, pitch = r.uniform(-1, 1), r.uniform(2, 5)
            lines = "".join(f"M{x - s:.0f} {y - s + i * pitch:.1f}L{x + s:.0f} {y - s + i * pitch + slope * s:.1f}" for i in range(int(2 * s / pitch)))
            out += f'<path d="{lines}" stroke="#000" stroke-width=".5"/>'
    return out


def photograph(r, words, w, h):
    """Smooth noise in tones of gray, over which darker and lighter shapes lie."""
    name = f"n{r.randrange(10 ** 9)}"
    frequency, octaves = math.exp(r.uniform(math.log(.002), math.log(.08))), r.randint(2, 5)
    low, gain = r.uniform(-.3, .3), r.uniform(.6, 1.8)
    tone = f"{gain * .5:.2f} {gain * .5:.2f} 0 0 {low:.2f} " * 3
    out = (f'<filter id="{name}" x="0" y="0" width="100%" height="100%"><feTurbulence type="fractalNoise" baseFrequency="{frequency:.4f}" numOctaves="{octaves}" seed="{r.randrange(999)}"/>'
           f'<feColorMatrix values="{tone} 0 0 0 0 1"/></filter><rect width="{w:.0f}" height="{h:.0f}" filter="url(#{name})"/>')
    for _ in range(r.randint(0, 6)):
        out += f'<path d="{blob(r, r.uniform(0, w), r.uniform(0, h), r.uniform(.1, .4) * min(w, h))}" fill="{r.choice(GRAYS)}" opacity="{r.uniform(.2, .9):.2f}"/>'
    if r.random() < 0.3:
        out += f'<path d="M0 {r.uniform(.3, .8) * h:.0f}Q{w / 2:.0f} {r.uniform(.1, .9) * h:.0f} {w:.0f} {r.uniform(.3, .8) * h:.0f}V{h:.0f}H0Z" fill="{r.choice(GRAYS)}" opacity=".7"/>'
    return out


def map_of(r, words, w, h):
    out = "".join(f'<path d="{blob(r, r.uniform(0, w), r.uniform(0, h), r.uniform(.1, .5) * min(w, h), 14)}" fill="{r.choice(("none", "#eee", "#ddd", "#bcd"))}" stroke="#333" stroke-width=".8"/>' for _ in range(r.randint(3, 9)))
    for _ in range(r.randint(3, 14)):
        x, y = r.uniform(.05, .85) * w, r.uniform(.08, .95) * h
        out += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="2"/>' + label(x + 4, y + 3, words(r.randint(3, 12)), "start")
    return out


def apparatus(r, words, w, h):
    """A technical drawing: straight lines, arcs, letters that name the parts."""
    out = ""
    for _ in range(r.randint(4, 12)):
        x, y = r.uniform(.05, .8) * w, r.uniform(.05, .8) * h
        out += r.choice((
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{r.uniform(.05, .4) * w:.0f}" height="{r.uniform(.03, .3) * h:.0f}" fill="none" stroke="#000"/>',
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r.uniform(.03, .2) * min(w, h):.0f}" fill="none" stroke="#000"/>',
            f'<path d="M{x:.0f} {y:.0f}L{r.uniform(0, w):.0f} {r.uniform(0, h):.0f}" stroke="#000" stroke-width=".7"/>'))
        if r.random() < 0.7:
            out += label(x + 6, y - 4, r.choice("ABCDEFGHabcdefgh123456789"))
    return out


def emblem(r, words, w, h):
    """A device, logo or ornament."""
    cx, cy, s = w / 2, h / 2, 0.4 * min(w, h)
    out = f'<circle cx="{cx:.0f}" cy="{cy:.0f}" r="{s:.0f}" fill="{r.choice(("none", "#000", "#345", "#ddd"))}" stroke="#000" stroke-width="{r.uniform(1, 5):.1f}"/>'
    for _ in range(r.randint(1, 5)):
        out += f'<path d="{blob(r, cx, cy, s * r.uniform(.3, .9), r.randint(3, 12))}" fill="{colour(r)}"/>'
    return out
