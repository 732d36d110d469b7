"""pages.py OUT CORPORA [a|b]: pages of every kind with their truth, a folder a kind, to see how far `needs_review` can be relied on.

    python3 -m venv venv && venv/bin/pip install pillow==13.0.0 numpy==2.4.6
    venv/bin/python benches/review/pages.py pages "$PAGESTREAM_CORPORA" b
    pagestream eval --truth pages --quality fast --ocr always

Print of several fonts and scripts, and pages of the corpora, each spoilt in several ways and degrees: small, blurred, askew, noisy, faint, light on
dark, unevenly lit, turned, cut off, worn. The half `a` was looked at while limits were chosen, the half `b` has other texts, fonts and
degrees. Fonts are those of Debian's fonts-dejavu and fonts-urw-base35; scripts whose fonts are missing are left out."""

import io
import pathlib
import random
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

OUT, CORPORA = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "ocr"
HALF = sys.argv[3] if len(sys.argv) > 3 else "b"
FIRST = HALF == "a"
rng = np.random.default_rng(11 if FIRST else 77)
chance = random.Random(11 if FIRST else 77)
FONTS = {file.name: file for file in pathlib.Path("/usr/share/fonts").rglob("*.[ot]t[fc]")}
LATIN = (
    ["NimbusRoman-Regular.otf", "DejaVuSans.ttf", "NimbusMonoPS-Regular.otf", "C059-Roman.otf", "URWGothic-Book.otf"]
    if FIRST
    else ["P052-Roman.otf", "DejaVuSerif.ttf", "NimbusSans-Regular.otf", "URWBookman-Light.otf", "DejaVuSansMono.ttf"]
)
BOOKS = ["c015", "f023", "i014", "a020"] if FIRST else ["c031", "f047", "i029", "a044"]
REAL = (
    ["old-books-dataset/a006.tiff", "old-books-dataset/f012.tiff", "old-books-dataset/i014.tiff",
     "ehri-dataset/EHRI-BF-19380509b_EN_01.jpg", "ehri-dataset/EHRI-DR-19390125-US_07.jpg"]
    if FIRST
    else ["old-books-dataset/a030.tiff", "old-books-dataset/f038.tiff", "old-books-dataset/i025.tiff",
          "ehri-dataset/EHRI-BF-19380509b_EN_03.jpg", "ehri-dataset/EHRI-DR-19390125-US_09.jpg"]
)
SCRIPTS = {
    "german": "Der Hafenmeister führt über jedes Schiff genau Buch. Größe, Länge und Ladung werden täglich geprüft. ",
    "polish": "Przystań rzeczna prowadzi spis wszystkich statków, które wchodzą do portu; każdy wpis ma swój numer. ",
    "spanish": "¡Buenos días! ¿Cómo está usted? ¿Qué hora es? ¡Ya es tarde! ",
    "russian": "Начальник порта ведёт книгу обо всех судах, которые входят в гавань. Каждая запись имеет номер и дату. ",
    "greek": "Ο λιμενάρχης τηρεί βιβλίο για κάθε πλοίο που μπαίνει στο λιμάνι. Κάθε εγγραφή έχει αριθμό. ",
    "vietnamese": "Cảng vụ Việt Nam ghi sổ mọi con tàu vào bến. Mỗi mục đều có số thứ tự và ngày tháng. ",
    "armenian": "Նավահանգստի պետը գրանցում է յուրաքանչյուր նավ, որը մտնում է նավահանգիստ։ ",
    "georgian": "ნავსადგურის უფროსი აღრიცხავს ყველა გემს, რომელიც შემოდის ნავსადგურში. ",
    "arabic": "يسجل مدير الميناء كل سفينة تدخل الحوض في دفتر خاص ",
}


def truth_of(file):
    beside = [file.with_suffix(".txt"), file.with_name(file.name + ".txt")]
    return next(path for path in beside if path.exists()).read_text(encoding="utf-8")


def book(name):
    return " ".join(truth_of(CORPORA / "old-books-dataset" / f"{name}.tiff").replace("-\n", "").split())


def write(kind, name, image, truth):
    (OUT / kind).mkdir(parents=True, exist_ok=True)
    image.save(OUT / kind / f"{name}.png")
    (OUT / kind / f"{name}.truth.txt").write_text(truth + "\n", encoding="utf-8")


def printed(text, font, size=22, rows=22, width=820, margin=60):
    """A page of print, and its text."""
    face = ImageFont.truetype(FONTS[font], size)
    lines, line, words = [], "", text.split()
    while len(lines) < rows:
        word = words.pop(0)
        words.append(word)
        if face.getlength(f"{line} {word}") > width - 2 * margin:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    image = Image.new("L", (width, int(2 * margin + rows * size * 1.45)), 255)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((margin, margin + row * size * 1.45), line, font=face, fill=0)
    return image, "\n".join(lines)


def scaled(image, by):
    return image.resize((int(image.width * by), int(image.height * by)), Image.BOX)


def noisy(image, sigma):
    return Image.fromarray((np.asarray(image, float) + rng.normal(0, sigma, (image.height, image.width))).clip(0, 255).astype("uint8"))


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    scaled(image, 0.75).save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("L")


def faint(image, contrast):
    return noisy(image.point(lambda v: 235 - (255 - v) * contrast // 255), 2)


def askew(image, degrees):
    return image.rotate(-degrees, expand=True, fillcolor=255, resample=Image.BICUBIC)


def blurred(image, radius):
    return image.filter(ImageFilter.GaussianBlur(radius))


def lit(image, darkest, kind):
    """Darker to one side, in a spot, or behind the edge of a shadow."""
    height, width = image.height, image.width
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    if kind == 0:
        light = darkest + (1 - darkest) * (0.6 * x + 0.4 * y)
    elif kind == 1:
        light = 1 - (1 - darkest) * np.exp(-((x - 0.7) ** 2 + (y - 0.6) ** 2) / 0.12)
    else:
        edge = Image.fromarray(np.where(0.5 * x + y > 0.75, 255 * darkest, 255).astype("uint8"))
        light = np.asarray(edge.filter(ImageFilter.GaussianBlur(12)), float) / 255
    return noisy(Image.fromarray(((np.asarray(image, float) * 0.85 + 25) * light).astype("uint8")), 3)


def worn(text, wear, rows=20, size=22):
    """Typewriting: letters out of line, of uneven strength, with holes."""
    face = ImageFont.truetype(FONTS["NimbusMonoPS-Bold.otf" if FIRST else "DejaVuSansMono.ttf"], size)
    _, truth = printed(text, "NimbusMonoPS-Bold.otf" if FIRST else "DejaVuSansMono.ttf", size, rows)
    paper = np.full((int(120 + rows * size * 1.5), 860), 235.0)
    pitch = face.getlength("M")
    for row, line in enumerate(truth.split("\n")):
        for column, letter in enumerate(line):
            cell = Image.new("L", (int(2 * pitch), 2 * size))
            place = (pitch / 2 + rng.normal(0, 0.8 * wear), 0.3 * size + rng.normal(0, 1.2 * wear))
            ImageDraw.Draw(cell).text(place, letter, font=face, fill=255)
            holes = Image.fromarray((rng.random((cell.height // 4 + 1, cell.width // 4 + 1)) * 255).astype("uint8"))
            holes = np.asarray(holes.resize(cell.size, Image.BILINEAR), float) / 255
            ink = np.asarray(cell, float) / 255 * (1 - 0.7 * wear * rng.random()) * np.clip(1.6 - 2.2 * wear * holes, 0, 1)
            top, left = int(60 + 1.5 * size * row), int(60 + pitch * (column - 0.5))
            paper[top : top + cell.height, left : left + cell.width] -= 190 * ink
    return noisy(Image.fromarray(paper.clip(0, 255).astype("uint8")).filter(ImageFilter.GaussianBlur(0.6)), 8), truth


def picture(width=800, height=1000):
    """Shapes and tones of all sizes, and no text."""
    tones = np.full((height, width), 125.0)
    for size, strength in ((200, 60), (80, 35), (30, 20), (8, 10)):
        field = rng.normal(0, 1, (height // size + 2, width // size + 2)).astype("float32")
        tones += strength * np.asarray(Image.fromarray(field).resize((width, height), Image.BICUBIC))
    image = Image.fromarray(tones.clip(0, 255).astype("uint8"))
    for _ in range(25):
        x, y, side = rng.integers(0, width), rng.integers(0, height), rng.integers(8, 120)
        ImageDraw.Draw(image).ellipse((x, y, x + side, y + 0.7 * side), fill=int(rng.integers(0, 255)))
    return image


def latin(number, **how):
    text = book(BOOKS[number % len(BOOKS)])
    return printed(text[137 * number % (len(text) // 2) :], LATIN[number % len(LATIN)], **how)


SPOILT = {
    "small": (scaled, [0.3, 0.35, 0.4, 0.5, 0.6, 0.7]),
    "blurred": (blurred, [0.8, 1.2, 1.6, 2.0, 2.4, 3.0, 3.6]),
    "askew": (askew, [-14, -9, -4, 2, 6, 11, 15] if FIRST else [-12, -7, -2.5, 3.5, 8, 10, 13.5]),
    "noisy": (noisy, [15, 30, 50, 70, 90, 120]),
    "jpeg": (as_jpeg, [3, 6, 10, 15, 25]),
    "faint": (faint, [10, 16, 22, 30, 45, 70]),
    "inverse": (lambda image, _: image.point(lambda v: 255 - v), [0, 0]),
    "turned": (lambda image, degrees: image.rotate(degrees, expand=True), [90, 180, 270]),
}
for number in range(8):
    write("clean", number, *latin(number, size=chance.choice([18, 20, 24, 28])))
for kind, (spoil, degrees) in SPOILT.items():
    for number, degree in enumerate(degrees):
        image, truth = latin(number)
        write(kind, number, spoil(image, degree), truth)
for number, (darkest, kind) in enumerate([(0.6, 0), (0.4, 0), (0.12, 0), (0.25, 1), (0.4, 1), (0.35, 2), (0.5, 2)]):
    image, truth = latin(number)
    write("lit", number, lit(image, darkest, kind), truth)
for number, wear in enumerate([0.1, 0.3, 0.5, 0.6, 0.7, 0.85, 1.0]):
    write("worn", number, *worn(book(BOOKS[number % 4])[90 * number :], wear))
for name, text in SCRIPTS.items():
    foreign, truth = printed(text, "DejaVuSans.ttf" if FIRST else "DejaVuSerif.ttf", rows=16)
    write("scripts", name, foreign, truth)
    above, english = latin(0, rows=8)
    both = Image.new("L", (above.width, above.height + foreign.height), 255)
    both.paste(above, (0, 0))
    both.paste(foreign, (0, above.height))
    write("bilingual", name, both, f"{english}\n{truth}")
    if name == "russian":
        for degrees in (90, 180, 270):
            write("turned", f"{name}-{degrees}", foreign.rotate(degrees, expand=True), truth)
for number in range(4):
    write("pictures", number, picture(), "")
for number, file in enumerate(REAL):
    with Image.open(CORPORA / file) as opened:
        image = opened.convert("L")
    truth = truth_of(CORPORA / file).rstrip()
    write("real", image.info.get("name", pathlib.Path(file).stem), image, truth)
    spoilt = [
        ("small", lambda: scaled(image, 0.32)),
        ("blurred", lambda: blurred(image, 3.2 if image.width > 1300 else 1.6)),
        ("noisy", lambda: noisy(image, 75)),
        ("jpeg", lambda: as_jpeg(image, 8)),
        ("faint", lambda: faint(image, 18)),
        ("askew", lambda: askew(image, chance.uniform(-12, 12))),
        ("lit", lambda: lit(image, 0.3, number % 3)),
    ]
    for name, spoil in spoilt[number % 2 :: 2]:
        write("real-spoilt", f"{pathlib.Path(file).stem}-{name}", spoil(), truth)
