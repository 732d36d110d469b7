"""What a synthetic page shows besides running text: photographs, plots, drawings, handwriting, and diagrams with their few words.

A part of pages.PageGenerator, which it draws with: `self.r` and `self.n` (random), `self.draw` on `self.image` (ink 255), `self.over`
(pixels drawn for each of the page), `put` for text that the detector should find.
"""
import numpy as np
from PIL import Image, ImageDraw

from . import degrade


class Pictures:
    def figures(self, area, size):
        """Diagrams with their captions, one under the other."""
        x0, y, x1, y1 = area
        while y + 5 * size < y1:
            bottom = min(y1, y + self.r.uniform(5, 30) * size)
            y = self.picture(x0, y, x1, bottom, diagram=0.8) + 1.2 * size
            font, covers = self.font(size * self.r.uniform(0.8, 1.1))
            for _ in range(self.r.randint(1, 3)):
                if y < y1:
                    self.put(font, covers, x0, y, self.fit(font, self.words(covers, self.r.randint(10, 90)), x1 - x0))
                y += 1.25 * size

    def picture(self, x0, y0, x1, y1, diagram=0.3):
        """Something that is not text, or not only."""
        r, d = self.r, self.draw
        x0, x1, y0, y1 = int(x0), int(x1), int(y0), int(y1)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return y1
        kind = r.random()
        if r.random() < diagram:
            self.diagram(x0, y0, x1, y1)
        elif kind < 0.25:
            return self.plot(x0, y0, x1, y1)
        elif kind < 0.5:  # a photograph
            photo = degrade.noise_field(self.n, (y1 - y0, x1 - x0), r.uniform(2, 60)) + 0.5 * degrade.noise_field(self.n, (y1 - y0, x1 - x0), r.uniform(1.5, 8))
            self.image.paste(Image.fromarray(np.clip(photo * 70 + r.uniform(60, 200), 0, 255).astype(np.uint8)), (x0, y0))
        elif kind < 0.68:  # a drawing
            for _ in range(r.randint(2, 25)):
                p = [(r.uniform(x0, x1), r.uniform(y0, y1)) for _ in range(2)]
                if r.random() < 0.5:
                    d.line(p, fill=255, width=r.randint(1, 3))
                else:
                    (ax, ay), (bx, by) = p
                    d.ellipse((min(ax, bx), min(ay, by), max(ax, bx) + 1, max(ay, by) + 1), outline=255, width=r.randint(1, 3))
            if r.random() < 0.5:
                return self.labels(x0, y1, x1, 30 * self.over)
        elif kind < 0.8:  # bars
            x = x0
            while x < x1:
                w = r.uniform(2, 20)
                d.rectangle((x, y1 - r.random() * (y1 - y0), min(x1, x + w), y1), fill=r.randint(60, 255))
                x += w + r.uniform(1, 12)
        else:  # handwriting, a signature
            x, y = x0 + r.uniform(0, 20), (y0 + y1) / 2
            points = []
            while x < x0 + 0.6 * (x1 - x0):
                points.append((x, y + r.gauss(0, 0.2) * (y1 - y0)))
                x += r.uniform(1, 9)
            if len(points) > 1:
                d.line(points, fill=255, width=r.randint(1, 3), joint="curve")
        return y1 + 20 * self.over

    def diagram(self, x0, y0, x1, y1):
        """Nodes joined by arrows: letters, or a line or two of text in circles, boxes and shades; here and there a text beside an arrow."""
        r, d = self.r, self.draw
        size = self.over * r.uniform(7.5, 18)
        font, covers = self.font(size)
        thick, framed, across, high = r.randint(1, 2), r.random(), r.choice((2.2, 4, 7)) * size, 1.25 * size
        spots = []
        for _ in range(r.randint(3, 60)):
            rows = r.choice((1, 1, 2)) if across > 3 * size else 1
            x, y = r.uniform(x0, x1), r.uniform(y0, y1)
            room = (x - across / 2, y - 0.8 * size, x + across / 2, y + (rows - 0.2) * high)
            if room[0] < x0 or room[1] < y0 or room[2] > x1 or room[3] > y1 or any(room[0] < b[2] + 1.5 * size and b[0] < room[2] + 1.5 * size and room[1] < b[3] + 1.4 * size and b[1] < room[3] + 1.4 * size for _, b in spots):
                continue
            spots.append((rows, room))
        if r.random() < 0.3:  # a dashed frame is no row of dashes
            on, off = r.uniform(2, 8) * thick, r.uniform(2, 6) * thick
            for y in (y0, y1):
                for x in np.arange(x0, x1, on + off):
                    d.line((x, y, min(x + on, x1), y), fill=255, width=thick)
            for x in (x0, x1):
                for y in np.arange(y0, y1, on + off):
                    d.line((x, y, x, min(y + on, y1)), fill=255, width=thick)
        centre = lambda box: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        arrows = [(a, b) for i, (_, a) in enumerate(spots) for _, b in spots[i + 1:] if r.random() < 2 / len(spots)]
        for a, b in arrows:  # drawn first: the shades below cover what runs under a node
            (ax, ay), (bx, by) = centre(a), centre(b)
            bend = r.uniform(-0.3, 0.3) if r.random() < 0.4 else 0
            points = [(ax + (bx - ax) * t + bend * (by - ay) * t * (1 - t) * 2, ay + (by - ay) * t - bend * (bx - ax) * t * (1 - t) * 2) for t in np.linspace(0, 1, 12)]
            d.line(points, fill=255, width=thick)
        for rows, box in spots:
            shade = r.choice((0, 0, 0, r.randint(10, 80), r.randint(180, 255)))
            grown = (box[0] - 0.5 * size, box[1] - 0.5 * size, box[2] + 0.5 * size, box[3] + 0.6 * size)
            if framed < 0.4:
                (d.ellipse if framed < 0.15 else d.rectangle)(grown, fill=shade, outline=255, width=thick)
            else:
                d.rectangle((box[0], box[1] - 0.3 * size, box[2], box[3] + 0.4 * size), fill=0)  # no arrow runs through a letter
                shade = 0
            for row in range(rows):
                text = r.choice("abcdfghnpqrstuvxyzABCDEFGHKMNPQRSTUVXYZ0123456789") if across < 3 * size else self.words(covers, r.randint(3, int(across / size * 2)))
                text = self.fit(font, "".join(c for c in text if c in covers or c == " ").strip(), across)
                if text.strip():
                    baseline = box[1] + size + row * high
                    self.put(font, covers, (box[0] + box[2] - font.getlength(text)) / 2, baseline, text, fill=0 if shade > 150 else 255)

    def plot(self, x0, y0, x1, y1):
        """Axes, a grid, marks, a curve, and a title turned on its side, which is not a line of this page."""
        r, d = self.r, self.draw
        step, thick = r.uniform(12, 70) * self.over, r.randint(1, 2)
        for x in np.arange(x0, x1, step):
            d.line((x, y0, x, y1), fill=r.randint(60, 255), width=thick)
            if r.random() < 0.4:
                d.ellipse((x - 3 * thick, y1 - 3 * thick, x + 3 * thick, y1 + 3 * thick), outline=255, fill=255 if r.random() < 0.5 else 0)
        for y in np.arange(y1, y0, -step):
            d.line((x0, y, x1, y), fill=r.randint(60, 255), width=thick)
        points = [(x, y0 + (y1 - y0) * r.random()) for x in np.arange(x0, x1, step / 2)]
        if len(points) > 1:
            d.line(points, fill=255, width=thick + 1)
        if r.random() < 0.6:
            self.vertical_text(x0, y0, y1)
        return self.labels(x0, y1, x1, step)

    def labels(self, x0, y, x1, step):
        """The short words, single letters and numbers under a figure; returns where the next line may start."""
        r = self.r
        size = max(8.5 * self.over, min(0.6 * step, r.uniform(9, 20) * self.over))
        baseline = y + r.uniform(1.1, 1.6) * size
        x = x0 + r.uniform(0, 1) * step
        while x < x1 - 2 * size and baseline < self.image.height:
            font, covers = self.font(size)
            text = str(r.randint(-9, 200)) if r.random() < 0.4 else self.words(covers, r.choice((1, 1, 2, 3, 6)))[:r.randint(1, 6)].strip()
            x = self.put(font, covers, x, baseline, self.fit(font, text, x1 - x)) + r.uniform(1.2, 4) * size
        return baseline + 0.5 * size

    def vertical_text(self, x, y0, y1):
        font, covers = self.font(self.r.uniform(9, 22) * self.over)
        text = self.fit(font, self.words(covers, self.r.randint(4, 40)), y1 - y0)
        if text:
            left, top, right, bottom = font.getbbox(text)
            strip = Image.new("L", (max(1, right), max(1, bottom)), 0)
            ImageDraw.Draw(strip).text((0, 0), text, font=font, fill=255)
            strip = strip.rotate(self.r.choice((90, 270)), expand=True)
            x = int(x) - strip.width - 4
            if x > 0:
                self.image.paste(strip, (x, int(y0)))
