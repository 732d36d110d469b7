"""TEDS (Zhong et al. 2020, PubTabNet): one minus the tree edit distance of two tables over the larger one's nodes. With `structure`, what cells say
does not count. th counts as td, and thead, tbody are left out: they say what a style sheet decides."""

from apted import APTED, Config
from lxml import html
from rapidfuzz.distance import Levenshtein


class Node:
    def __init__(self, tag, spans=(1, 1), text=None):
        self.tag, self.spans, self.text, self.children = tag, spans, text, []

    def size(self):
        return 1 + sum(child.size() for child in self.children)


class Costs(Config):
    def __init__(self, structure):
        self.structure = structure

    def rename(self, a, b):
        if a.tag != b.tag or a.spans != b.spans:
            return 1.0
        if a.tag == "td" and not self.structure and (a.text or b.text):
            return Levenshtein.normalized_distance(a.text, b.text)
        return 0.0

    def children(self, node):
        return node.children


def tree(table):
    """Of an lxml table element."""
    root = Node("table")
    for row in table.iter("tr"):
        node = Node("tr")
        for cell in row:
            if cell.tag in ("td", "th"):
                text = " ".join("".join(cell.itertext()).split())
                spans = tuple(int(cell.get(name) or 1) for name in ("rowspan", "colspan"))
                node.children.append(Node("td", spans, text))
        if node.children:
            root.children.append(node)
    return root


def teds(truth, found, structure=False):
    """Both are HTML with one table; `found` may be empty."""
    if not found:
        return 0.0
    a, b = (tree(html.fragment_fromstring(text, create_parent="div").find(".//table")) for text in (truth, found))
    return 1 - APTED(a, b, Costs(structure)).compute_edit_distance() / max(a.size(), b.size())
