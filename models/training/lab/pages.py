"""Synthetic pages for the detector, drawn at the size at which the detector looks, with the exact box of every line.

Columns with narrow gutters, tables, headings, reversed bands, leaders, typed letters, formulas, footnotes, lone page and line
numbers, the letters of diagrams; and what is not text: photographs, rules, scribbles, stamps, punch holes, a scan's black borders.
"""
import json
import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import degrade
from .config import Alphabet, work_dir
from .pictures import Pictures
from .text import TextSource


@dataclass
class Line:
    """In page pixels, before the page is turned: `top` and `bottom` are the font's ascenders and descenders, not this text's."""
    x0: float
    x1: float
    top: float
    bottom: float


class PageGenerator(Pictures):
    def __init__(self, alphabet: Alphabet, seed: int, split: str = "train"):
        self.r, self.n = random.Random(seed), np.random.default_rng(seed)
        self.text = TextSource(alphabet, self.r, split)
        fonts = [f for f in json.loads((work_dir() / alphabet.name / "fonts.json").read_text()) if f["held_out"] == (split != "train")]
        self.fonts, self.weights = fonts, [f["weight"] for f in fonts]
        self.typewriters = [f for f in fonts if f["typewriter"]] or fonts

    def font(self, size: float, typed=False):
        entry = self.r.choice(self.typewriters) if typed else self.r.choices(self.fonts, self.weights)[0]
        return ImageFont.truetype(str(work_dir() / entry["path"]), max(5, round(size)), layout_engine=ImageFont.Layout.BASIC), set(entry["covers"])

    def words(self, covers, n):
        return " ".join("".join(c for c in self.text.piece(n) if c in covers or c == " ").split())

    def page(self, height: int, width: int):
        """(gray u8, [Line], turn in degrees): the page is already turned by it about its centre, the lines are not."""
        r = self.r
        over = r.choice((1, 1, 2))  # drawn larger and shrunk, as most pages come to the detector
        self.over, self.lines = over, []
        self.image = Image.new("L", (width * over, height * over), 0)
        self.draw = ImageDraw.Draw(self.image)
        self.reversed: list[tuple] = []
        size = over * math.exp(r.uniform(math.log(8.5), math.log(30)))
        m = [r.uniform(0.01, 0.12) for _ in range(4)]
        area = (m[0] * width * over, m[1] * height * over, (1 - m[2]) * width * over, (1 - m[3]) * height * over)
        kind = r.random()
        self.typed = 0.54 < kind < 0.68 or 0.82 < kind < 0.84
        self.pitch = r.uniform(1.03, 1.3) if self.typed and r.random() < 0.6 else 1.0  # typewriters set wider than the fonts that stand for them
        if kind < 0.22:
            self.columns(area, size, 1)
        elif kind < 0.54:
            self.columns(area, size, r.choice((2, 2, 2, 3)))
        elif kind < 0.68:
            self.columns(area, size, 1)
        elif kind < 0.82:
            self.table(area, size)
        elif kind > 0.88:
            self.figures(area, size)
        else:
            self.scattered(area, size)
        if r.random() < 0.75:
            self.page_numbers(area, size)
        return self.finish(height, width)

    # --- contents ----------------------------------------------------------------------------------------------------

    def put(self, font, covers, x, baseline, text, width=None, fill=255) -> float:
        """Draw one line, justified to `width` if that is given; returns where it ends."""
        if not text:
            return x
        r = self.r
        if not width and r.random() < 0.35:  # a typist's two spaces, a tabulator's gap within a line
            text = text.replace(". ", ".  ").replace(": ", ":  ")
            if r.random() < 0.3:
                text = text.replace(" ", "  ")
        ascent = font.getmetrics()[0]
        y = baseline - ascent
        length = font.getlength(text)
        spaces = text.count(" ")
        if width and spaces and 0.75 * width < length < 1.02 * width:
            gap = (width - (length - spaces * font.getlength(" "))) / spaces
            at = x
            for word in text.split(" "):
                self.draw.text((at, y), word, font=font, fill=fill)
                at += font.getlength(word) + gap
            length = at - gap - x
        elif self.pitch > 1 or text.isupper() and length < 0.2 * self.image.width and r.random() < 0.3:  # typed, or letterspaced
            pitch, at = self.pitch if self.pitch > 1 else r.uniform(1.1, 1.3), x
            for c in text:
                self.draw.text((at, y), c, font=font, fill=fill)
                at += pitch * font.getlength(c)
            length = at - x
            width = length
        else:
            self.draw.text((x, y), text, font=font, fill=fill)
        box = font.getbbox("dHlp")
        left, _, right, _ = font.getbbox(text)
        s = self.over
        self.lines.append(Line((x + min(left, 2)) / s, (x + max(length if width else right, 1)) / s, (y + box[1]) / s, (y + box[3]) / s))
        return x + length

    def page_numbers(self, area, size):
        """Numbers alone, far from other text: at the foot or the head, in a margin, here and there with dashes or a letter."""
        r = self.r
        x0, y0, x1, y1 = area
        font, covers = self.font(size * r.uniform(0.7, 1.3), self.typed)
        high, wide = font.size, self.image.width
        for _ in range(r.choice((1, 1, 2, 3, 3, 6))):
            number = str(r.randint(1, 10 ** r.choice((1, 1, 2, 2, 3))))
            text = r.choice(["{}"] * 6 + ["-{}-", "- {} -", "— {} —", "[{}]", "({})", "{}.", "A-{}", "p. {}", "Page {}"]).format(number)
            text = "".join(c for c in text if c in covers or c == " ")
            baseline = min(self.image.height - 0.4 * high, y1 + r.uniform(1.5, 3) * high) if r.random() < 0.6 else y0 - r.uniform(0.6, 1.2) * high
            if r.random() < 0.2:  # anywhere that is white
                baseline = r.uniform(2 * high, self.image.height - high)
            x = r.choice([x0, (x0 + x1) / 2, x1 - font.getlength(text), r.uniform(0, wide)])
            if baseline > high and 0 <= x and x + font.getlength(text) < wide:
                self.put_clear(font, covers, x, baseline, text)

    def put_clear(self, font, covers, x, baseline, text):
        """Put a text where no line is yet."""
        s, box = self.over, font.getbbox("dHlp")
        y = baseline - font.getmetrics()[0]
        a, b, top, bottom = x / s - 12, (x + font.getlength(text)) / s + 12, (y + box[1]) / s - 2, (y + box[3]) / s + 2
        if all(l.x1 < a or l.x0 > b or l.bottom < top or l.top > bottom for l in self.lines):
            self.put(font, covers, x, baseline, text)

    def columns(self, area, size, count):
        r, typed = self.r, self.typed
        x0, y0, x1, y1 = area
        gutter = size * (r.uniform(0.7, 1.3) if r.random() < 0.65 else r.uniform(1.3, 4)) if count > 1 else 0
        width = (x1 - x0 - (count - 1) * gutter) / count
        size = min(size, width / 9)
        rule = count > 1 and r.random() < 0.25
        spacing = r.uniform(1.02, 1.5) if not typed else r.uniform(1.0, 2.2)
        y = y0
        if r.random() < 0.5:
            y = self.heading(x0, y, x1, size)
        body = self.font(size, typed)
        ragged = typed or r.random() < (0.15 if count > 1 else 0.3)
        numbered = r.choice((1, 5)) if count == 1 and r.random() < 0.1 else 0
        if r.random() < 0.15:
            y1 = self.footnotes(x0, y, x1, y1, size)
        for c in range(count):
            left = x0 + c * (width + gutter)
            if rule and c:
                self.draw.line((left - gutter / 2, y, left - gutter / 2, y1), fill=255, width=max(1, int(size / 18)))
            self.column(left, y + (r.uniform(0, size) if r.random() < 0.3 else 0), left + width, y1, size, spacing, body, ragged, numbered)
        if r.random() < 0.08:
            self.vertical_text(x0 - 0.5 * size, y0, y1)

    def footnotes(self, x0, y, x1, y1, size):
        """Small type at the foot, under a short rule or none; returns where the text above must end."""
        r = self.r
        small = max(6.5 * self.over, size * r.uniform(0.65, 0.85))
        count = r.randint(1, 4)
        top = y1 - count * 1.2 * small
        if top < y + 6 * size:
            return y1
        font, covers = self.font(small)
        if r.random() < 0.6:
            self.draw.line((x0, top - 0.2 * small, x0 + r.uniform(0.1, 0.5) * (x1 - x0), top - 0.2 * small), fill=255, width=max(1, int(small / 15)))
        for i in range(count):
            text = r.choice([f"{i + 1} ", f"{i + 1}) ", "* ", "† ", ""]) + self.words(covers, r.randint(10, 150))
            self.put(font, covers, x0, top + (i + 1) * 1.2 * small, self.fit(font, "".join(c for c in text if c in covers or c == " "), x1 - x0))
        return top - size

    def formula(self, x0, baseline, x1, size):
        """A displayed formula: one line of letters and signs with smaller ones above and below, and its number far to the right."""
        r = self.r
        font, covers = self.font(size)
        small = font.font_variant(size=max(5, int(0.65 * font.size)))
        signs = [c for c in "=+−×<>≤≥→∈()[]{}|/·~:" if c in covers] or ["="]
        x = start = x0 + r.uniform(0.05, 0.4) * (x1 - x0)
        for _ in range(r.randint(3, 14)):
            if x > x1 - 7 * size:
                break
            part = r.choice("abcdefghklmnpqrstuvwxyzABCFGHKLMNRSTUVXYZ0123456789") if r.random() < 0.6 else r.choice(signs)
            self.draw.text((x, baseline - font.getmetrics()[0]), part, font=font, fill=255)
            x += font.getlength(part)
            if r.random() < 0.3:
                part = "".join(r.choice("0123456789nijkmn+−") for _ in range(r.randint(1, 2)))
                self.draw.text((x, baseline - small.getmetrics()[0] + r.choice((-0.38, 0.2)) * size), part, font=small, fill=255)
                x += small.getlength(part)
            x += r.uniform(0, 0.3) * size
        s, box, y = self.over, font.getbbox("dHlp"), baseline - font.getmetrics()[0]
        self.lines.append(Line(start / s, x / s, (y + box[1]) / s, (y + box[3]) / s))
        if r.random() < 0.4:
            text = r.choice(("({})", "({}.1)", "[{}]")).format(r.randint(1, 40))
            left = x1 - font.getlength(text)
            if left > x + 2 * size:
                self.put(font, covers, left, baseline, text)

    def column(self, x0, y, x1, y1, size, spacing, body, ragged, numbered=0):
        r, typed, count = self.r, self.typed, 0
        font, covers = body
        per_line = max(4, int((x1 - x0) / max(1, font.getlength("estimation of it") / 16)))
        paragraph = r.randint(1, 12)
        while True:
            y += size * spacing
            if y + 0.3 * size > y1:
                return
            count += 1
            if numbered and count % numbered == 0 and x0 > 3.2 * size:  # listings count their lines, verse every fifth
                self.put(font, covers, x0 - 3 * size, y, str(count))
            u = r.random()
            if 0.085 < u < 0.10 and x1 - x0 > 14 * size and y + 3 * size < y1:
                y += 0.6 * size
                self.formula(x0, y, x1, size)
                y += 0.6 * size
                continue
            if u < 0.04 and y + 7 * size < y1:
                y = self.picture(x0, y, x1, min(y1, y + r.uniform(3, 14) * size))
                continue
            if u < 0.055:
                self.draw.line((x0, y, x1 if r.random() < 0.5 else (x0 + x1) / 2, y), fill=255, width=max(1, int(size / r.uniform(8, 24))))
                continue
            if u < 0.085:
                font, covers = self.font(size * r.uniform(0.75, 1.5), typed)
                self.put(font, covers, x0 if r.random() < 0.5 else x0 + 0.2 * (x1 - x0), y + 0.3 * size, self.words(covers, int(per_line * r.uniform(0.2, 0.55))))
                font, covers = body
                y += 0.5 * size
                continue
            paragraph -= 1
            indent = size * r.uniform(0.8, 3) if paragraph == 0 and r.random() < 0.6 else 0
            if paragraph <= 0:
                paragraph = r.randint(1, 12)
                text = self.words(covers, int(per_line * r.uniform(0.1, 0.95)))
                y += size * r.choice((0, 0, 0.5, 1))
                if y + 0.3 * size > y1:
                    return
                self.put(font, covers, x0 + indent, y, self.fit(font, text, x1 - x0 - indent))
                continue
            text = self.fit(font, self.words(covers, per_line + 12), x1 - x0 - indent)
            self.put(font, covers, x0 + indent, y + r.gauss(0, 0.01) * size, text, None if ragged else x1 - x0 - indent)

    def fit(self, font, text, width):
        while text and font.getlength(text) > width:
            text = text.rsplit(" ", 1)[0] if " " in text else text[:-1]
        return text

    def heading(self, x0, y, x1, size):
        r = self.r
        font, covers = self.font(size * r.uniform(1.1, 3.2))
        big = font.size
        text = self.fit(font, self.words(covers, r.randint(5, 40)), x1 - x0)
        if r.random() < 0.4:
            text = self.fit(font, "".join(c for c in text.upper() if c in covers or c == " "), x1 - x0)
        length = font.getlength(text) if text else 0
        x = r.choice([x0, x0 + (x1 - x0 - length) / 2])
        y += 1.3 * big
        band = r.random() < 0.3
        if band:
            top, bottom = y - 1.15 * big, y + 0.45 * big
            self.reversed.append((max(0, x0 - big * 0.4), top, x1 + big * 0.4, bottom))
        self.put(font, covers, x, y, text)
        return y + size * r.uniform(0.4, 2)

    def table(self, area, size):
        r = self.r
        x0, y0, x1, y1 = area
        size = min(size, (x1 - x0) / 22)
        columns = r.randint(2, 6)
        cuts = sorted(r.uniform(0.12, 0.9) for _ in range(columns - 1))
        edges = [x0, *(x0 + c * (x1 - x0) for c in cuts), x1]
        pitch = size * r.uniform(1.25, 2.4)
        rules, font_covers = r.random(), self.font(size)
        thick = max(1, int(size / r.uniform(10, 25)))
        y = y0
        bars = r.random() < 0.12  # columns parted by typed bars, rows by typed dashes
        shaded = r.random() < 0.3
        while y + pitch < y1:
            if r.random() < 0.02:
                font_covers = self.font(size)
            if rules < 0.55:
                self.draw.line((x0, y, x1, y), fill=255, width=thick)
            if shaded and y == y0:
                self.reversed.append((x0, y, x1, y + pitch))
            for a, b in zip(edges, edges[1:]):
                if b - a < 2 * size or r.random() < 0.12:
                    continue
                font, covers = font_covers
                numeric = r.random() < 0.5
                text = self.text.numbers(r.randint(2, 9)) if numeric else self.words(covers, int((b - a) / size * r.uniform(0.4, 2)))
                text = self.fit(font, "".join(c for c in text if c in covers or c == " ").strip(), b - a - 0.8 * size)
                length = font.getlength(text) if text else 0
                x = a + 0.4 * size if not numeric else b - 0.4 * size - length
                if bars:
                    self.draw.text((a - font.getlength("|") / 2, y + pitch / 2 + 0.35 * size - font.getmetrics()[0]), "|", font=font, fill=255)
                self.put(font, covers, x, y + pitch / 2 + 0.35 * size, text)
            y += pitch
        if rules < 0.4:
            for e in edges:
                self.draw.line((e, y0, e, y), fill=255, width=thick)

    def scattered(self, area, size):
        """Forms, slides, letterheads, addresses: pieces of text of many sizes anywhere, which do not touch."""
        r = self.r
        x0, y0, x1, y1 = area
        y = y0
        while y < y1:
            s = size * r.uniform(0.6, 2.5)
            y += s * r.uniform(1.1, 2.5)
            x = x0 + r.uniform(0, 0.5) * (x1 - x0)
            while x < x1 - 3 * s and y < y1:
                font, covers = self.font(s, self.typed)
                text = self.fit(font, self.words(covers, r.randint(1, 3) if r.random() < 0.25 else r.randint(1, 25)), x1 - x)
                x = self.put(font, covers, x, y, text) + s * r.uniform(1.5, 10)
                if r.random() < 0.5:
                    break
            if r.random() < 0.15 and y + 6 * s < y1:
                y = self.picture(x0 + r.uniform(0, 0.5) * (x1 - x0), y + s, x1, y + r.uniform(3, 8) * s)

    # --- the page as it is scanned -----------------------------------------------------------------------------------

    def finish(self, height, width):
        r, n = self.r, self.n
        a = np.array(self.image, np.float32) / 255
        for x0, y0, x1, y1 in self.reversed:
            part = a[max(0, int(y0)):int(y1), max(0, int(x0)):int(x1)]
            part[:] = 1 - part if r.random() < 0.7 else np.maximum(part, r.uniform(0.1, 0.4))
        size = self.over * 14
        if self.typed and r.random() < 0.4:
            a = degrade.ribbon(a, n, size)
        if r.random() < (0.5 if self.typed else 0.15):
            a = degrade.uneven_ink(a, n, size, n.uniform(0.1, 0.5))
        if r.random() < 0.2:
            a = degrade.spread(a, n, size)
        if r.random() < 0.25:
            a = degrade.bilevel(a, n, size)
        if self.over > 1:
            a = cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA)
        if r.random() < 0.3:
            a = cv2.GaussianBlur(a, (0, 0), r.uniform(0.3, 0.9))
        turn = r.gauss(0, 0.6) if r.random() < 0.5 else 0.0
        turn = max(-3.0, min(3.0, turn))
        if turn:
            matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
            a = cv2.warpAffine(a, matrix, (width, height), flags=cv2.INTER_LINEAR)
        if r.random() < 0.25:  # the black border of a scan, over margins and text alike
            for side in r.sample(range(4), r.randint(1, 3)):
                depth = int(r.uniform(0.005, 0.05) * (width if side < 2 else height))
                ragged = depth + (degrade.noise_field(n, (height if side < 2 else width, 1), 30)[:, 0] * depth * 0.2).astype(int)
                for i, k in enumerate(ragged):
                    k = max(0, k)
                    if side == 0: a[i, :k] = 1
                    elif side == 1 and k: a[i, -k:] = 1
                    elif side == 2: a[:k, i] = 1
                    elif k: a[-k:, i] = 1
        if r.random() < 0.06:  # a frame around the page
            inset, thick = r.randint(2, 14), r.randint(1, 9)
            cv2.rectangle(a, (inset, inset), (width - 1 - inset, height - 1 - inset), 1.0, thick)
        if r.random() < 0.1:
            x, radius = r.randint(5, 60), r.randint(6, 18)
            for y in (r.randrange(height) for _ in range(2)):  # punch holes, where no text is
                if all(l.x0 > x + radius + 4 or not l.top - radius < y < l.bottom + radius for l in self.lines):
                    cv2.circle(a, (x + r.randint(-2, 2), y), radius, 1.0, -1)
        if r.random() < 0.3:  # dirt
            for _ in range(r.randint(3, 90)):
                cv2.circle(a, (r.randrange(width), r.randrange(height)), r.choice((1, 1, 1, 2, 3)), r.uniform(0.3, 1), -1)
        if r.random() < 0.15:
            cv2.circle(a, (r.randrange(width), r.randrange(height)), r.randint(10, 60), r.uniform(0.2, 0.8), r.randint(1, 4))
        return degrade.paper(a, n), self.lines, turn
