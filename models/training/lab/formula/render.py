"""LaTeX -> pictures with latex, preview and dvipng: hundreds of formulas a document, about a thousand a second and core."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2

from .latex import COMMENT, TABLE

# LAB_WITHOUT: fonts that a machine lacks
FONTS = {name: font for name, font in TABLE["fonts"].items() if font["weight"] > 0 and name not in os.environ.get("LAB_WITHOUT", "").split()}
TOP = {"align": "aligned", "split": "aligned", "gather": "gathered", "multline": "gathered", "flalign": "aligned", "eqnarray": "eqnarray", "equation": None}
PREAMBLE = r"""\documentclass[%dpt]{article}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
%s
%s
\usepackage{bm}
\usepackage[active,tightpage]{preview}
\setlength{\PreviewBorder}{2pt}
\providecommand{\Bbb}{\mathbb}\providecommand{\frak}{\mathfrak}\providecommand{\mathscr}{\mathcal}\providecommand{\boldmath}{}\providecommand{\dddot}[1]{\dot{#1}}
\DeclareRobustCommand{\cal}{\mathcal}\DeclareRobustCommand{\bf}{\mathbf}\DeclareRobustCommand{\rm}{\mathrm}
\newenvironment{old}{\begin{array}{r@{\;}c@{\;}l}}{\end{array}}
\scrollmode
\begin{document}
"""
OLD_FONTS = r"\let\cal\undefined\DeclareOldFontCommand{\cal}{\normalfont}{\mathcal}\DeclareOldFontCommand{\bf}{\normalfont\bfseries}{\mathbf}\DeclareOldFontCommand{\rm}{\normalfont\rmfamily}{\mathrm}"
ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{\s*(\w+)\*?\s*\}")
ROW_GAP = re.compile(r"\\\\\*?\[[-+.\d][^\]]{0,20}\]")
LENGTHS = re.compile(r"\\(?:hskip|kern|mskip|mkern|vskip)\s*[-+.\d]*\s*[a-z]{2}(?![a-z])")
TAG = re.compile(r"\\tag\*?\s*\{([^{}]*)\}")


def settable(source: str, gap: str = r"\qquad\qquad ") -> str:
    """The source as it can stand between dollars: display environments become inner ones, \\tag an equation number to the right."""
    def environment(match):
        name = match[2]
        if name == "eqnarray":
            return rf"\{match[1]}{{old}}"
        if name not in TOP:
            return match[0]
        return "" if TOP[name] is None else rf"\{match[1]}{{{TOP[name]}}}"
    source = LENGTHS.sub(" ", ROW_GAP.sub(r"\\\\ ", COMMENT.sub("", source)))  # a length with a mistake in it can keep TeX busy for ever
    source = ENVIRONMENT.sub(environment, source)
    if "\\\\" in source and r"\begin" not in source and r"\substack" not in source:
        source = rf"\begin{{aligned}} {source} \end{{aligned}}"
    number = TAG.search(source)
    if number:
        source = TAG.sub(" ", source) + gap + rf"\mathrm{{({number[1]})}}"
    return source.replace(r"\nonumber", "").replace(r"\notag", "")


def page_numbers(dvi: bytes) -> list[int]:
    """\\count0 of each page of a DVI file, by its chain of back pointers."""
    at = len(dvi) - 1
    while dvi[at] == 223:
        at -= 1
    post = int.from_bytes(dvi[at - 4:at], "big")
    page, numbers = int.from_bytes(dvi[post + 1:post + 5], "big", signed=True), []
    while page >= 0:
        numbers.append(int.from_bytes(dvi[page + 1:page + 5], "big", signed=True))
        page = int.from_bytes(dvi[page + 41:page + 45], "big", signed=True)
    return numbers[::-1]


def preamble(font: str, size: int) -> str:
    """Of a document in one of FONTS, `size` points."""
    symbols = "" if font == "stix" else r"\usepackage{amssymb}" + ("" if font in ("libertine",) else r"\usepackage{mathrsfs}")
    head = PREAMBLE % (size, symbols, FONTS[font]["use"])
    if font == "cm":  # the EC fonts are bitmaps in some sizes
        head = head.replace(r"\usepackage[T1]{fontenc}", "")
    return head.replace(r"\DeclareRobustCommand{\cal}{\mathcal}\DeclareRobustCommand{\bf}{\mathbf}\DeclareRobustCommand{\rm}{\mathrm}", OLD_FONTS)


def render(sources, font: str, dpi: int, inline=None, size: int = 10, timeout: int = 60) -> dict:
    """Sources -> {index: grey picture}; those that TeX complained of are missing. `inline` says which are set in text style."""
    head = preamble(font, size)
    lines = [rf"\setcounter{{page}}{{{i + 1}}}\begin{{preview}}\leavevmode\hbox\bgroup$" + ("" if inline and inline[i] else r"\displaystyle ") + s + r" $\egroup\end{preview}" for i, s in enumerate(sources)]
    folder = Path(tempfile.mkdtemp(prefix="formula-"))
    try:
        (folder / "a.tex").write_text(head + "\n".join(lines) + "\n\\end{document}\n", encoding="utf-8")
        timeout = int(os.environ.get("LAB_TEX_SECONDS", timeout))
        subprocess.run(["latex", "-interaction=nonstopmode", "-file-line-error", "a.tex"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout)
        log = (folder / "a.log").read_text(encoding="latin-1") if (folder / "a.log").exists() else ""
        first = head.count("\n") + 1
        wrong = {int(n) - first for n in re.findall(r"^(?:\./)?a\.tex:(\d+):", log, re.M)}
        wrong |= {int(n) - first for n in re.findall(r"^l\.(\d+) ", log, re.M)}
        if not (folder / "a.dvi").exists():
            return {}
        pages = page_numbers((folder / "a.dvi").read_bytes())
        # where a formula swallowed the next one, neither is to be trusted
        wrong |= {i - 1 for i in wrong} | {j for i in range(len(sources)) if pages.count(i + 1) != 1 for j in (i - 1, i, i + 1)}
        subprocess.run(["dvipng", "-q", "-D", str(dpi), "-T", "tight", "-z", "1", "--gamma", "1.0", "-o", "p%d.png", "a.dvi"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout)
        out = {}
        for order, page in enumerate(pages):
            path = folder / f"p{order + 1}.png"
            if page - 1 not in wrong and 0 < page <= len(sources) and path.exists():
                picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
                if picture is not None and picture.min() < 128:
                    out[page - 1] = picture
        return out
    except subprocess.TimeoutExpired:
        return {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
