"""Makes pages/: page images of our own text with their truth, each in a look that readers of pages find hard in its own way.

    two-columns.png   1-bit, 200 dpi, 9.5 pt, a narrow gutter
    scanned.jpg       grey, 200 dpi, askew, soft, specked, with a dark edge
    typewriter.png    1-bit, 200 dpi, uneven ink, letters off the line
    book.png          1-bit, 300 dpi, 11 pt, thresholded as old books are, with a running head and a page number
    digital.png       colour, 150 dpi, a heading on a dark band

and, beside that folder, a page for what is not Latin:

    scripts.png       grey, 150 dpi, lines of Russian and Greek and a Greek letter between lines of English

Run: `pip install pillow==13.0.0 numpy==2.4.6 && python3 make_pages.py FOLDER_OF_FONTS`, where the folder (searched with
its sub-folders) has Liberation 2 and Courier Prime, both under the SIL Open Font License, which does not extend to
documents that are made with them. The same fonts and versions give the same pixels.
"""

import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

OUT = pathlib.Path(__file__).parent / "pages"

LEFT = """The weir at Oldham Mill was built in 1764 and has been repaired eleven times. Each repair was entered in a book
that lies in the office of the water board, and each entry gives the level of the river, the names of the men, and what
they were paid. It is the longest record of its kind in the county.

Nobody kept it for the sake of history. The miller wanted to know whether the new boards leaked more than the old ones,
and his sons went on because he had begun. In the wet years the entries are short; in the dry years somebody had time to
write about the weather, the price of flour, and a heron that came every morning at six.

When the mill was sold in 1891, the book went with it. The buyer, a maker of paper, had no use for the weir but kept
the habit. His clerk wrote a clearer hand, and from that day the numbers are in ink."""

RIGHT = """The board took the book over in 1948 and put it on a shelf. It was found again by a student who was looking for
something else, and who counted, in three weeks of an unheated room, 2,316 readings of the level.

Set side by side with the gauge downstream, the miller's numbers are good to within two inches. They are better in
summer than in winter, when the mark could not be seen for ice, and the writer says so: "by guess", "by the sound",
"by what Thomas says".

That honesty is why the record can be used at all. A number that nobody doubts is worth little when nobody can say how
it was come by; a number with its doubt beside it can be weighed. The student gave each reading a width, as one would
today, and found the three great floods just where the church has them cut into its wall."""

SCANNED = """To the keeper of the instruments

The barometer in the long room has been moved nearer to the stove, I suppose for the convenience of those who read it.
Please have it moved back. Mercury grows with heat as everything does, and what we have noted since the 4th of October
is in part the weather and in part the coal.

I have gone through the last 38 readings and find that about half of the rise can be put down to the stove. The other
half I cannot explain, and I should be glad to see the window mended before we look for deeper reasons.

Of the two thermometers the older one is the better. The newer has a bubble in its tube, which adds four or five degrees
on most days and nothing at all on some. It may be kept for visitors.

With thanks for the rain figures, which were complete for the first time this year (all 365 of them)."""

TYPEWRITER = """MEMORANDUM                          17 March 1952

TO:   The warden of the north light
FROM: Stores

1. Your order of 2 March has been filled but for the
   lamp glass, of which there is none at the depot. Six
   have been asked for from the maker at Leith.

2. The rope that you returned is not worn. It is wet.
   Please dry it and keep it.

3. You ask for 40 lb. of paint, grey, and 40 lb. of
   paint, white. The regulations allow one colour to a
   tower. Say which.

4. The clock is sent back with this boat. It had stopped
   because it was full of sand; it has been cleaned, and
   gains one minute a day. Set it by the noon gun while
   you can hear it.

5. The boat calls again on the 31st, weather permitting,
   and will wait half an hour."""

BOOK = """in those years the post was carried over the pass by two brothers, who divided the week between them and were never
seen together but at Easter. The elder took the letters up on Monday and came down on Wednesday; the younger went up
on Thursday, and what he did at the top until Saturday was a matter on which the valley had several opinions.

It was said that he read. There was in the hut a box of books, left by a surveyor who had meant to come back for them,
and a man who has two days, a stove and a box of books will in the end open it. By the third winter he could be heard
to speak of the Nile and of the moons of Jupiter, not boastfully, but as one speaks of a neighbour's field.

The elder did not hold with it. "A letter," he used to say, "wants to be carried, and he that carries it wants to look
where he puts his feet." Yet when the younger lay ill it was found that the elder, too, had stopped at the hut, and that
the place in the third volume had been marked with a bit of red string.

They were both old when the road was cut. The last sack went up on a Friday, which was neither's day, and they
carried it between them, each by one handle, and came down the same evening in the rain without having said, so far as
anybody could learn, a single word about the thing that both of them knew was over."""

DIGITAL_HEAD = "How a page is paid for"

DIGITAL = """A page costs what it costs to look at it. Most of a page is paper, and paper is cheap: a white band is passed over
in less than a millisecond. What is dear are the lines, and among the lines the long ones.

Reading a line takes two steps. The first finds where it is: that is done once for all lines of the page, on a smaller
picture, and takes about a fifth of the time. The second reads it letter by letter, at the height of 48 pixels, and takes
the other four fifths.

It follows that a form with ten lines should cost a quarter of a page with forty, and so it does: 0.26 in our last
measurement. It also follows that drawing the page at twice the size gains nothing, because the line is brought to the
same height before it is read.

Write to pages@example.org if your own figures differ by more than 10%."""


SCRIPTS = [
    "The first lines of this page are in English, and the next in Russian:",
    "Все счастливые семьи похожи друг на друга, каждая",
    "несчастливая семья несчастлива по-своему.",
    "Then there is a line of Greek, from the same writer's desk,",
    "Ἄνδρα μοι ἔννεπε, Μοῦσα, πολύτροπον, ὃς μάλα πολλὰ",
    "and the rate of decay λ is given by the old equation.",
    "Nothing of it may be read as letters that only look alike.",
]


def font(name, size):
    for path in sorted(pathlib.Path(sys.argv[1]).rglob(name)):
        return ImageFont.truetype(path, size)
    sys.exit(f"{sys.argv[1]}: there is no {name} in it")


def wrapped(text, face, width):
    """The text's paragraphs as lines no wider than `width` pixels; an empty line between paragraphs."""
    lines = []
    for paragraph in text.split("\n\n"):
        row = []
        for word in paragraph.split():
            if row and face.getlength(" ".join(row + [word])) > width:
                lines.append(" ".join(row))
                row = []
            row.append(word)
        lines += [" ".join(row), ""]
    return lines[:-1]


def draw(page, lines, face, x, y, leading, ink=0):
    pen = ImageDraw.Draw(page)
    for line in lines:
        pen.text((x, y), line, font=face, fill=ink)
        y += leading if line else leading // 2
    return y


def save(page, name, truth, dpi, **options):
    page.save(OUT / name, dpi=(dpi, dpi), **options)
    (OUT / name).with_suffix(".truth.txt").write_text("\n".join(line for line in truth if line) + "\n", encoding="utf-8")


def two_columns():
    page = Image.new("L", (1100, 1560), 255)
    face, width = font("LiberationSerif-Regular.ttf", 26), 468
    left, right = (wrapped(text, face, width) for text in (LEFT, RIGHT))
    heading = "The Miller's Book"
    title = font("LiberationSerif-Bold.ttf", 40)
    ImageDraw.Draw(page).text((550, 90), heading, font=title, fill=0, anchor="mm")
    draw(page, left, face, 66, 170, 33)
    draw(page, right, face, 66 + width + 28, 170, 33)
    save(page.point(lambda v: 255 * (v > 140)).convert("1"), "two-columns.png", [heading] + left + right, 200)


def scanned():
    rng = np.random.default_rng(1)
    page = Image.new("L", (1240, 1400), 236)
    face = font("LiberationSerif-Regular.ttf", 31)
    lines = wrapped(SCANNED, face, 980)
    draw(page, lines, face, 130, 150, 46, ink=52)
    page = page.rotate(-0.9, fillcolor=236, resample=Image.BICUBIC).filter(ImageFilter.GaussianBlur(0.8))
    pixels = np.asarray(page, dtype=np.float32)
    # Light falls off to one side, the lid lets a dark edge in on the other, and there is dust.
    pixels = pixels - np.linspace(0, 34, pixels.shape[1])[None, :]
    pixels[:, -14:] = 40
    for _ in range(400):
        y, x = rng.integers(0, pixels.shape[0] - 2), rng.integers(0, pixels.shape[1] - 2)
        pixels[y : y + rng.integers(1, 3), x : x + rng.integers(1, 3)] = rng.integers(70, 190)
    save(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "scanned.jpg", lines, 200, quality=42)


def typewriter():
    rng = np.random.default_rng(2)
    page = Image.new("L", (1400, 1330), 255)
    face = font("Courier Prime.otf", 34)
    lines, y = TYPEWRITER.split("\n"), 120
    for line in lines:
        x = 120.0
        for char in line:
            # Each type strikes a little high or low, and with more or less ink.
            stamp = Image.new("L", (40, 60), 0)
            ImageDraw.Draw(stamp).text((8, 8), char, font=face, fill=int(rng.integers(185, 256)))
            stamp = stamp.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.0))))
            page.paste(0, (round(x) - 8, y - 8 + int(rng.integers(-1, 2))), stamp)
            x += face.getlength("n")
        y += 50
    pixels = np.asarray(page, dtype=np.float32) + rng.normal(0, 18, (page.height, page.width))
    save(Image.fromarray((255 * (pixels > 128)).astype(np.uint8)).convert("1"), "typewriter.png", lines, 200)


def book():
    rng = np.random.default_rng(3)
    page = Image.new("L", (1500, 2060), 255)
    face, small = font("LiberationSerif-Regular.ttf", 45), font("LiberationSerif-Italic.ttf", 40)
    pen = ImageDraw.Draw(page)
    head, number = "The Road over the Pass", "47"
    pen.text((750, 130), head, font=small, fill=0, anchor="mm")
    lines = wrapped(BOOK, face, 1180)
    draw(page, lines, face, 160, 200, 58)
    pen.text((750, 1960), number, font=small, fill=0, anchor="mm")
    # Ink that has run, and paper that has not taken it everywhere.
    rough = rng.normal(0, 1, (page.height // 3, page.width // 3)).astype(np.float32)
    rough = np.asarray(Image.fromarray(rough).resize(page.size, Image.BICUBIC))
    pixels = np.asarray(page.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float32) + 28 * rough
    save(Image.fromarray((255 * (pixels > 132)).astype(np.uint8)).convert("1"), "book.png", [head] + lines + [number], 300)


def digital():
    page = Image.new("RGB", (1000, 1080), (250, 250, 246))
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, 1000, 120), fill=(34, 60, 96))
    pen.text((70, 60), DIGITAL_HEAD, font=font("LiberationSans-Bold.ttf", 40), fill=(255, 255, 255), anchor="lm")
    face = font("LiberationSans-Regular.ttf", 24)
    lines = wrapped(DIGITAL, face, 860)
    draw(page, lines, face, 70, 180, 36, ink=(30, 30, 30))
    save(page.quantize(32), "digital.png", [DIGITAL_HEAD] + lines, 150, optimize=True)


def scripts():
    page = Image.new("L", (1240, 520), 255)
    draw(page, SCRIPTS, font("LiberationSerif-Regular.ttf", 34), 90, 50, 62, ink=20)
    save(page, "../scripts.png", SCRIPTS, 150, optimize=True)


OUT.mkdir(exist_ok=True)
for make in (two_columns, scanned, typewriter, book, digital, scripts):
    make()
