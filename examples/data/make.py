"""Makes sample.pdf and its truth: four pages of our own text, so that anyone may have them.

Pages 1 and 2 are born digital, in two columns; page 3 is a scan (grey, noisy, 0.6 degrees askew); page 4 is a scan that
was put in sideways. Run: `pip install reportlab==5.1.0 pillow==13.0.0 && python3 make.py FONT.ttf` with a text font
(DejaVu Serif made the file that is here). The same font and versions give the same pixels.
"""

import io
import random
import sys
import textwrap

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

TITLE = "Reading Documents Within a Budget"
AUTHORS = "The pagestream founders"

ABSTRACT = """A program that reads documents should cost what one page costs, not what the whole archive costs. We describe
a pipeline in which every page carries its own permit, so that memory stays flat, nothing is lost when a process dies,
and the first page is out before the third is drawn."""

LEFT = [
    ("1 Introduction", """Most tools open a file, draw all of its pages, and then begin to read. With ten pages nobody
notices. With ten thousand pages the machine runs out of memory at night, and in the morning there is no result at
all. The remedy is old: let the work come one item at a time, and let each item hold the room that it needs."""),
    ("2 The budget", """A page asks for two things before it is drawn: a slot and a number of bytes. Requests are granted
in the order in which they were made. A large page therefore waits for smaller ones to finish, but nothing overtakes
it, and so it never starves. When the page is done its share returns to the budget, whatever the reason."""),
]

RIGHT = [
    ("3 The ticket", """Whoever holds a ticket must see the page to its record. If a stage fails, the ticket falls, and its
fall is a message: the page is tried again, at most three times, and is then put aside with the reason. There is no
path on which a page can vanish in silence."""),
    ("4 The log", """Each page is written once. A reader may begin at the first page or at page 37, now or next week, and may
be as slow as it likes, because it reads from the log and not from the pipeline. Two readers see the same pages in the
same order."""),
]

SECOND = [
    ("5 Measurements", """We read 249 pages of a book with one budget of 64 megabytes. The peak was the same after ten pages
as after two hundred. A born-digital page took four thousandths of a second; a scanned page took two seconds on one
core, nearly all of it in the recognition of lines."""),
    ("6 Related work", """Systems that read documents differ less in their models than in what happens when something goes
wrong. A damaged page should cost that page. A full disk should stop the run with a sentence, not with a trace. A
second start should go on where the first one stopped."""),
]

THIRD = [
    ("7 Conclusion", """Nothing here is new except the habit of asking, of every queue, how long it may become; of every
wait, how long it may last; and of every loss, who will notice. A system that can answer these questions is dull to
operate, which is the highest praise that an operator has to give."""),
    ("8 Outlook", """Small models of our own will take the place of large ones for printed pages. A page that is easy should be
cheap, and a page that is hard should say so. Confidence must be calibrated before it can be trusted: a number that
is always 0.99 tells nobody anything."""),
]

SCAN = """This page was printed, put on a glass plate, and scanned at two hundred dots per inch. The paper lay a little
askew, as paper does. Grey specks of dust have been added with care, and the edges of the letters are soft.

A reader that turns pixels into text must first find the lines, then straighten them, and only then read. If it reads
first and looks for the lines afterwards, it will produce words in an order that no author has intended.

The quick brown fox jumps over the lazy dog 1,234,567 times in 89 days, which is 13,871 jumps a day; the dog has not
been asked for its opinion (see Table 2)."""

SIDEWAYS = """Somebody was in a hurry and put this page in sideways. The scanner did not mind. Whoever reads it has to turn
it before anything else, for a line that runs from top to bottom is not a line but a column of marks.

It is enough to look at the shape of the boxes: when most of them are tall, the page lies on its side. Whether it then
stands on its head is a question for the letters themselves, and a few of them know the answer."""

SIZE, LEADING, COLUMN = 10, 13.5, 238


def column(pdf, x, y, sections):
    lines = []
    for heading, text in sections:
        pdf.setFont("Times-Bold", SIZE + 1)
        pdf.drawString(x, y, heading)
        lines.append(heading)
        y -= LEADING + 2
        words, row = text.split(), []
        pdf.setFont("Times-Roman", SIZE)
        for word in words + [None]:
            if word is None or pdf.stringWidth(" ".join(row + [word]), "Times-Roman", SIZE) > COLUMN:
                pdf.drawString(x, y, " ".join(row))
                lines.append(" ".join(row))
                y, row = y - LEADING, []
            row.append(word)
        y -= LEADING / 2
    return lines


def scan(font, text, turn, skew, seed):
    rng = random.Random(seed)
    width, height = 1654, 2339
    page = Image.new("L", (width, height), 246)
    draw = ImageDraw.Draw(page)
    face = ImageFont.truetype(font, 34)
    y, lines = 260, []
    for paragraph in text.split("\n\n"):
        for line in textwrap.wrap(" ".join(paragraph.split()), 66):
            draw.text((210, y), line, font=face, fill=40)
            lines.append(line)
            y += 56
        y += 34
    for _ in range(2500):
        x, y = rng.randrange(width), rng.randrange(height)
        page.putpixel((x, y), rng.randrange(90, 220))
    page = page.filter(ImageFilter.GaussianBlur(0.7)).rotate(skew, fillcolor=246, resample=Image.BICUBIC)
    if turn:
        page = page.transpose(Image.ROTATE_90)
    data = io.BytesIO()
    page.save(data, "JPEG", quality=55)
    return data, lines


def main():
    font = sys.argv[1]
    pdf = canvas.Canvas("sample.pdf", pagesize=A4, invariant=1)
    pdf.setTitle(TITLE)
    pdf.setAuthor(AUTHORS)
    width, height = A4
    pages = []

    pdf.setFont("Times-Bold", 17)
    pdf.drawCentredString(width / 2, height - 80, TITLE)
    pdf.setFont("Times-Italic", 11)
    pdf.drawCentredString(width / 2, height - 102, AUTHORS)
    truth, y = [TITLE, AUTHORS], height - 140
    pdf.setFont("Times-Roman", SIZE)
    for line in textwrap.wrap(" ".join(ABSTRACT.split()), 92):
        pdf.drawString(80, y, line)
        truth.append(line)
        y -= LEADING
    y -= 24
    truth += column(pdf, 50, y, LEFT)
    truth += column(pdf, width / 2 + 12, y, RIGHT)
    pages.append(truth)
    pdf.showPage()

    pages.append(column(pdf, 50, height - 80, SECOND) + column(pdf, width / 2 + 12, height - 80, THIRD))
    pdf.showPage()

    for text, turn, skew, seed in [(SCAN, False, 0.6, 1), (SIDEWAYS, True, 0.0, 2)]:
        data, lines = scan(font, text, turn, skew, seed)
        size = (height, width) if turn else (width, height)
        pdf.setPageSize(size)
        pdf.drawImage(ImageReader(data), 0, 0, *size)
        pages.append(lines)
        pdf.showPage()
    pdf.save()
    with open("sample.truth.txt", "w", encoding="utf-8") as out:
        out.write("\f".join("\n".join(lines) + "\n" for lines in pages))


main()
