"""Markdown, by whomever it was written, as blocks: (kind, level, text), and tables as HTML."""

import re
import unicodedata

from lxml import html
from markdown_it import MarkdownIt

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def plain(text):
    """As texts are compared: composed, in small letters (a style sheet may have set them in capitals), quotes and dashes as ASCII, white space once."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub("[‘’‛`´]", "'", re.sub("[“”„]", '"', text))
    text = re.sub("[\u2010-\u2015\u2212]", "-", text)
    return " ".join(text.split())


def inner(fragment):
    """The text of rendered HTML."""
    if not fragment.strip():
        return ""
    return "".join(html.fragment_fromstring(fragment, create_parent="div").itertext())


def blocks(text):
    found, tables = [], []
    tree = html.fragment_fromstring(PARSER.render(re.sub(r"\[\^[^\]]*\]:?", "", text)) or "<p/>", create_parent="div")

    def own(element):
        """Text of a list item without that of lists within."""
        pieces = [element.text or ""]
        for child in element:
            if child.tag not in ("ul", "ol", "table", "pre"):
                pieces.append("".join(child.itertext()))
            pieces.append(child.tail or "")
        return plain(" ".join(pieces))

    def walk(element):
        for child in element:
            if not isinstance(child.tag, str):
                continue
            if re.fullmatch("h[1-6]", child.tag):
                found.append(("heading", int(child.tag[1]), plain("".join(child.itertext()))))
            elif child.tag == "li":
                found.append(("list-item", 0, own(child)))
                walk_lists(child)
            elif child.tag == "table":
                tables.append(html.tostring(child, encoding="unicode", with_tail=False))
            elif child.tag == "pre":
                found.append(("code", 0, "".join(child.itertext())))
            elif child.tag in ("p", "figcaption", "caption", "dd", "dt"):
                words = plain("".join(child.itertext()))
                if words:
                    found.append(("paragraph", 0, words))
                walk(child)
            else:
                if child.tag == "div" and plain(child.text or ""):
                    found.append(("paragraph", 0, plain(child.text)))
                walk(child)

    def walk_lists(item):
        for child in item:
            if child.tag in ("ul", "ol", "table", "pre"):
                walk([child])

    walk(tree)
    return found, tables
