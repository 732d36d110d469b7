"""Synthetic text lines, cropped as a detector crops them: 32-high gray images with what they say."""
import json
import math
import random
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import degrade
from .config import Alphabet, work_dir
from .preprocess import HEIGHT, resize_line
from .text import ForeignText, TextSource

WIDTHS = (96, 160, 320, 320, 480, 480, 640, 800)  # widest line asked for, in pixels at 32 high
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
FOREIGN_LINES, MIXED_LINES = 0.08, 0.03  # shares of lines in another script, and with some of its characters
LIGATURES = (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ"))


class LineGenerator:
    def __init__(self, alphabet: Alphabet, seed: int, split: str = "train"):
        self.alphabet = alphabet
        self.r, self.n = random.Random(seed), np.random.default_rng(seed)
        self.text = TextSource(alphabet, self.r, split)
        fonts = [f for f in json.loads((work_dir() / alphabet.name / "fonts.json").read_text()) if f["held_out"] == (split != "train")]
        self.typewriters = [f for f in fonts if f["typewriter"]]
        self.fonts, self.weights = fonts, [f["weight"] for f in fonts]
        self.italics = [f for f in fonts if any(name in f["path"].lower() for name in ("italic", "oblique"))]
        self.loaded: dict = {}
        try:
            self.foreign = ForeignText(alphabet, self.r)
        except FileNotFoundError:
            self.foreign = None

    def font(self, typed: bool):
        r = self.r
        entry = r.choice(self.typewriters) if typed else r.choices(self.fonts, self.weights)[0]
        size = int(min(80, max(12, math.exp(r.gauss(math.log(31), 0.42)))))
        key = entry["path"], size
        if key not in self.loaded:
            if len(self.loaded) > 300:
                self.loaded.pop(next(iter(self.loaded)))
            self.loaded[key] = ImageFont.truetype(str(work_dir() / entry["path"]), size, layout_engine=ImageFont.Layout.BASIC), set(entry["covers"])
        return *self.loaded[key], size

    def other_face(self, size):
        """A face that stands for emphasis in a line, or for its letters in formulas: italic in most cases. (font, what it covers)"""
        r = self.r
        entry = r.choice(self.italics) if self.italics and r.random() < 0.7 else r.choices(self.fonts, self.weights)[0]
        key = entry["path"], size
        if key not in self.loaded:
            self.loaded[key] = ImageFont.truetype(str(work_dir() / entry["path"]), size, layout_engine=ImageFont.Layout.BASIC), set(entry["covers"])
        return self.loaded[key]

    def drawn_text(self, covers: set[str], n: int, plain: bool = False) -> str:
        """Text as it will be drawn: only covered characters, here and there with ligatures or long s."""
        r = self.r
        text = self.text.piece(n)
        if plain and r.random() < 0.93:  # typists had no accents: let a broken d not pass for an accented a
            for _ in range(8):
                if text.isascii():
                    break
                text = self.text.piece(n)
        text = " ".join("".join(c for c in text if c in covers or c == " ").split())
        if r.random() < 0.45:
            for letters, ligature in LIGATURES:
                if ligature in covers:
                    text = text.replace(letters, ligature)
        if "ſ" in covers and r.random() < 0.006:
            text = "".join("ſ" if c == "s" and i + 1 < len(text) and text[i + 1].isalpha() else c for i, c in enumerate(text))
        return text

    def line(self, max_width: int | None = None):
        """(gray u8 [32, w], label), or None when the draw made nothing usable."""
        r = self.r
        max_width = max_width or r.choice(WIDTHS)
        typed = bool(self.typewriters) and r.random() < 0.2
        font, covers, size = self.font(typed)
        squeeze = r.uniform(0.85, 1.15)
        n = int(max_width / (12.5 * squeeze) * r.uniform(0.35, 1.25)) + 1
        if r.random() < 0.10:
            n = r.randint(1, 6)
        text = self.drawn_text(covers, n, plain=typed)
        style, strange = r.random(), self.foreign and r.random()
        if strange and strange < FOREIGN_LINES:
            drawn = self.foreign.line(n)
            if not drawn:
                return None
            text, typed, style = drawn[0], False, 1.0
            font = ImageFont.truetype(str(work_dir() / drawn[1]), size, layout_engine=ImageFont.Layout.RAQM)
        elif strange and strange < FOREIGN_LINES + MIXED_LINES and text:
            text, style = self.foreign.mixed(text, str(Path(font.path).relative_to(work_dir()))), max(style, 0.045)
        if not text:
            return None
        if typed and style < 0.8:
            ink, label, box = self.glyph_by_glyph(font, size, text)
        elif style < 0.045:
            ink, label, box = self.glyph_by_glyph(font, size, text, raised=True)
        elif style < 0.38:
            ink, label, box = self.word_by_word(font, size, text)
        else:
            ink, label, box = self.whole(font, size, text)
        if ink is None:
            return None
        line = font.getbbox("dHlp")
        ink, scale, box = self.age(ink, size, box, typed)
        if r.random() < 0.6:
            box = self.detected((size + line[1]) * scale, (size + line[3]) * scale, *box)
            crop = self.cut(ink, *box, squeeze)
        else:
            crop = self.crop(ink, size, scale, *box, squeeze)
        if crop is None:
            return None
        gray = resize_line(degrade.paper(crop, self.n))
        return gray, label

    # --- three ways to set a line; each returns ink on a canvas with a wide margin, the label and the ink's box ------

    def canvas(self, font, size, width):
        ascent, descent = font.getmetrics()
        margin = size
        image = Image.new("L", (int(width) + 2 * margin, ascent + descent + 2 * margin), 0)
        return image, ImageDraw.Draw(image), margin

    def whole(self, font, size, text):
        left, top, right, bottom = font.getbbox(text)
        if right - left < 2 or bottom <= top:
            return None, None, None
        image, draw, m = self.canvas(font, size, right - min(0, left))
        draw.text((m, m), text, font=font, fill=255)
        return image, self.alphabet.label(text), (m + left, m + top, m + right, m + bottom)

    def word_by_word(self, font, size, text):
        """Justified setting: spaces from a hair to a gap, sometimes letterspaced capitals."""
        r = self.r
        space = font.getlength(" ") * r.choice([r.uniform(0.55, 0.95), r.uniform(1, 1.6), r.uniform(1.2, 3)])
        tracking = size * r.uniform(0.03, 0.22) if text.isupper() and r.random() < 0.3 else 0
        words, x, spots = text.split(" "), 0.0, []
        other, covers = self.other_face(size) if r.random() < 0.4 and not tracking else (None, ())
        is_other = False
        after_stop = r.choice((1, 1, 1.5, 2.2))  # many old books and all typists widen the space after a sentence
        thin = size * r.uniform(0.08, 0.25) if r.random() < 0.25 else 0  # French and old English setting: a thin space before ; : ! ? and within quotes
        for word in words:
            # Emphasis runs over a word or two; letters that stand alone are those of formulas.
            is_other = other and (r.random() < (0.5 if is_other else 0.12) or (len(word) == 1 and word.isalpha() and r.random() < 0.6))
            face = other if is_other and all(c in covers for c in word) else font
            parts = list(word) if tracking else [word]
            if thin and len(word) > 2 and not tracking:
                parts = [p for p in (word[:1], word[1:]) if p] if word[0] in "“«\"" else parts
                parts = [*parts[:-1], parts[-1][:-1], parts[-1][-1]] if word[-1] in ";:!?”»\"" and len(parts[-1]) > 1 else parts
            for part in parts:
                spots.append((x, part, face))
                x += face.getlength(part) + (tracking or thin)
            x += max(space, 2.2 * tracking) * (after_stop if word.endswith((".", "!", "?", ":", ";")) else 1) - (tracking or thin)
        return self.place(font, size, text, [(sx, font.getmetrics()[0] - face.getmetrics()[0], part, face, 255) for sx, part, face in spots], x)

    def glyph_by_glyph(self, font, size, text, raised=False):
        """Typed lines: each letter with its own height, place and ink. With `raised`, digits as sub- and superscripts."""
        r = self.r
        jump, ink_spread = size * r.uniform(0, 0.035), r.uniform(0, 0.5)
        small = font.font_variant(size=max(7, int(size * r.uniform(0.55, 0.68)))) if raised else font
        ascent, two_spaces = font.getmetrics()[0], r.random() < 0.6
        pitch = r.uniform(0.92, 1.28) if not raised else 1.0  # typewriters set wider or narrower than the font that stands for them
        chars, label, x, spots = list(text), [], 0.0, []
        for i, c in enumerate(chars):
            if raised and c == " " and i and r.random() < 0.25:  # a reference after a word, or an index
                mark = str(r.randint(0, 9)) if r.random() < 0.75 else str(r.randint(10, 99))
                if r.random() < 0.7:
                    spots.append((x, ascent * r.uniform(0.0, 0.12) - 0.05 * size, mark, small, 255))
                    label.append(mark.translate(SUPERSCRIPT) if all(m.translate(SUPERSCRIPT) in self.alphabet.characters for m in mark) else mark)
                else:
                    spots.append((x, ascent - small.getmetrics()[0] + size * r.uniform(0.08, 0.2), mark, small, 255))
                    label.append(mark)
                x += small.getlength(mark)
            if c != " ":
                spots.append((x + r.gauss(0, 0.4 * jump), r.gauss(0, jump), c, font, int(255 * (1 - ink_spread * r.random() ** 2))))
            label.append(c)
            x += font.getlength(c) * pitch
            if c == " " and two_spaces and chars[i - 1] in ".:!?;":
                x += font.getlength(c) * pitch
        return self.place(font, size, "".join(label), spots, x)

    def place(self, font, size, text, spots, width):
        image, draw, m = self.canvas(font, size, width)
        x0 = y0 = 1e9
        x1 = y1 = -1e9
        for x, y, part, face, fill in spots:
            draw.text((m + x, m + y), part, font=face, fill=fill)
            left, top, right, bottom = face.getbbox(part)
            x0, y0, x1, y1 = min(x0, x + left), min(y0, y + top), max(x1, x + right), max(y1, y + bottom)
        if x1 - x0 < 2 or y1 <= y0:
            return None, None, None
        return image, self.alphabet.label(text), (m + x0, m + y0, m + x1, m + y1)

    # --- what happens to it ------------------------------------------------------------------------------------------

    def age(self, image, size, box, typed):
        """Neighbouring lines, rules, then ink and scan; returns ink as float32, how much it was scaled, and the box in it."""
        r, n = self.r, self.n
        x0, top, x1, bottom = box
        draw = ImageDraw.Draw(image)
        if r.random() < 0.25:  # the lines above and below reach into the crop
            font, covers, _ = self.font(typed)
            font = font.font_variant(size=size)
            step = size * r.uniform(1.02, 1.4)
            for side in r.choice([(-1,), (1,), (-1, 1)]):
                other = "".join(c for c in self.text.piece(20 + int((x1 - x0) / size * 2)) if c in covers or c == " ")
                draw.text((size + r.uniform(-size, size), size + side * step), other, font=font, fill=255)
        u = r.random()
        if u < 0.05:  # an underline, or a table's rule
            y = r.choice([bottom + size * r.uniform(0, 0.15), size + font_baseline(bottom, top) , top - size * r.uniform(0.02, 0.15)])
            draw.line((x0 - size * r.uniform(-0.5, 1), y, x1 + size * r.uniform(-0.5, 1), y), fill=r.randint(120, 255), width=max(1, size // r.randint(10, 22)))
        elif u < 0.07:  # a column's rule beside the text
            x = r.choice([x0 - size * r.uniform(0.15, 0.4), x1 + size * r.uniform(0.15, 0.4)])
            draw.line((x, 0, x, image.height), fill=255, width=max(1, size // r.randint(10, 22)))
        a = np.asarray(image, np.float32) * np.float32(1 / 255)
        if typed and r.random() < 0.6:
            a = degrade.ribbon(a, n, size)
        if r.random() < (0.5 if typed else 0.08):
            a = degrade.uneven_ink(a, n, size, n.uniform(0.2, 0.65))
        if r.random() < (0.4 if typed else 0.18):
            a = degrade.spread(a, n, size)
        if r.random() < 0.45:
            a = degrade.waviness(a, n, size)
        height = bottom - top
        scale = 1.0
        if r.random() < 0.28:
            small = degrade.low_resolution(a, n, max(height, 0.9 * size))
            scale = small.shape[0] / a.shape[0]
            a = small
        if r.random() < 0.4:
            a = degrade.blur(a, n, size * scale)
        if r.random() < (0.4 if typed else 0.22):
            a = degrade.bilevel(a, n, size * scale)
        return a, scale, [v * scale for v in (x0, top, x1, bottom)]

    def crop(self, a, size, scale, x0, top, x1, bottom, squeeze):
        """The box some detector might give: loose or tight, off by a little, never as flat as a dash."""
        r = self.r
        height = bottom - top
        least = 0.62 * size * scale
        if height < least:  # x-height text, a dash, dots: a detector still gives about a line's height
            grow = (least - height) * r.uniform(0.6, 1.3)
            share = r.uniform(0.25, 0.75)
            top, bottom = top - grow * share, bottom + grow * (1 - share)
            height = bottom - top
        loose = abs(r.gauss(0.10, 0.10))
        shift = r.gauss(0, 0.05)
        top -= height * max(-0.07, loose - shift + r.gauss(0, 0.03))
        bottom += height * max(-0.07, loose + shift + r.gauss(0, 0.03))
        x0 -= height * max(-0.04, r.gauss(0.18, 0.2))
        x1 += height * max(-0.04, r.gauss(0.18, 0.2))
        return self.cut(a, x0, top, x1, bottom, squeeze)

    def detected(self, line_top, line_bottom, x0, top, x1, bottom):
        """The box that our own detector gives, with the spread measured on its boxes: from the type's ascenders to its descenders, whatever
        this text has of them, and ends that fall on columns of 8 pixels at lines of 8 to 30."""
        r = self.r
        height = line_bottom - line_top
        pixels = math.exp(r.uniform(math.log(8), math.log(30)))
        end = lambda: height * (0.12 + (r.uniform(-1, 7) if r.random() < 0.9 else r.uniform(-3, 15)) / pixels)
        return x0 - end(), line_top - height * r.gauss(0.115, 0.065), x1 + end(), line_bottom + height * r.gauss(0.115, 0.065)

    def cut(self, a, x0, top, x1, bottom, squeeze):
        width, height = x1 - x0, bottom - top
        if width < 2 or height < 4:
            return None
        out_w, out_h = max(4, int(round(width * squeeze))), max(6, int(round(height)))
        if out_w * HEIGHT / out_h > 900:
            return None
        matrix = np.float32([[width / out_w, 0, x0], [0, height / out_h, top]])
        return cv2.warpAffine(a, matrix, (out_w, out_h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def font_baseline(bottom, top):
    """Roughly where a baseline lies in an ink box that starts at the canvas margin."""
    return 0.8 * (bottom - top)
