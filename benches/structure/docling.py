"""How much our Markdown is like docling's: `docling.py FOLDER MARKDOWN [--differences]`: for each FOLDER/NAME.md (docling's own reviewed output) the file
MARKDOWN/NAME.md. Prints the similarity of the texts (the share of letters that an edit script keeps, after one normalisation: marks of Markdown,
comments, pictures and rules of tables left out, NFKC, small letters, quotes and dashes as ASCII, white space once), and of the blocks: which share of
docling's has one of ours that is the same to nine tenths, and the other way round."""

import argparse
import html
import pathlib
import re
import statistics

from lxml import html as lxml_html
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

import markdown


def pieces(text):
    """Blocks in their order, tables by rows."""
    text = re.sub(r"(?s)<!--.*?-->", "\n\n", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    # Formulas are a task of their own.
    text = re.sub(r"(?s)\$\$.*?\$\$", "", text)
    tree = lxml_html.fragment_fromstring(markdown.PARSER.render(re.sub(r"\[\^[^\]]*\]:?", "", text)) or "<p/>", create_parent="div")
    found = []

    def walk(element):
        for child in element:
            if not isinstance(child.tag, str):
                continue
            if child.tag in ("ul", "ol", "table", "thead", "tbody", "blockquote", "div", "section"):
                walk(child)
            elif child.tag == "li":
                own = [child.text or ""] + [("" if c.tag in ("ul", "ol") else "".join(c.itertext())) + (c.tail or "") for c in child]
                found.append(markdown.plain(" ".join(own)))
                walk([c for c in child if c.tag in ("ul", "ol")])
            elif child.tag == "tr":
                found.append(markdown.plain(" ".join("".join(cell.itertext()) for cell in child)))
            else:
                found.append(markdown.plain(html.unescape("".join(child.itertext()))))

    walk(tree)
    return [piece for piece in found if piece]


def share(of, among):
    """Of the letters of some blocks those of blocks that stand among others too."""
    same = sum(len(a) for a in of if any(fuzz.ratio(a, b, score_cutoff=90) for b in among if len(a) * .8 <= len(b) * 1.0 and len(b) * .8 <= len(a) * 1.0 or a == b))
    return same / max(1, sum(map(len, of)))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("markdown", type=pathlib.Path)
    arguments.add_argument("--differences", action="store_true")
    options = arguments.parse_args()
    print("| document | similarity | blocks of docling's here | blocks of ours there |\n|---|---|---|---|")
    all_of = []
    for path in sorted(options.folder.glob("*.md")):
        result = options.markdown / path.name
        theirs, ours = pieces(path.read_text()), pieces(result.read_text() if result.exists() else "")
        alike = Indel.normalized_similarity(" ".join(theirs), " ".join(ours))
        all_of.append(alike)
        print(f"| {path.stem} | {alike:.3f} | {share(theirs, ours):.2f} | {share(ours, theirs):.2f} |")
        if options.differences:
            for sign, some, others in (("-", theirs, ours), ("+", ours, theirs)):
                for piece in some:
                    if not any(fuzz.ratio(piece, other, score_cutoff=90) for other in others):
                        print(f"    {sign} {piece[:150]}")
    print(f"| median | {statistics.median(all_of):.3f} | | |")


if __name__ == "__main__":
    main()
