"""Texts whose words are known, set in two narrow columns: `texts.py FOLDER PACKAGES` makes FOLDER/{train,held}/LANGUAGE-NAME.{pdf,txt} of
the unpacked Debian packages in PACKAGES. English papers are vignettes of R packages (Sweave, LaTeX), the rest manuals in HTML.

The texts are kept as words and white space; how they are set is drawn by a document's name. TeX breaks English words by its own patterns and
words of other languages where pyphen allows it, so that no patterns have to be installed."""

import hashlib
import itertools
import html as entities
import pathlib
import random
import re
import subprocess
import sys
import unicodedata

import lxml.html
import pyphen

# Letters of a paper of some four pages; within a text: code, an address, and the end of either.
LENGTH = 20_000
CODE, ADDRESS, END = "\ue000", "\ue001", "\ue002"
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "c": "\u0327", "v": "\u030c", "r": "\u030a", "=": "\u0304", "H": "\u030b"}
LETTERS = {r"\ss": "ß", r"\o": "ø", r"\O": "Ø", r"\l": "ł", r"\aa": "å", r"\ae": "æ", r"\i": "i", r"\j": "j"}
SKIPPED = "equation|align|eqnarray|displaymath|math|gather|multline|figure|table|tabular|verbatim|Sinput|Soutput|Schunk|Code|CodeInput|CodeOutput|CodeChunk|thebibliography|lstlisting|array|center|Scode|alltt|small|tikzpicture|picture"
SPECIAL = {c: "\\" + c for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}


def of_cite(match):
    """`\\citep{Zeileis+Hothorn:2002}` as its words stand in print."""
    said = []
    for key in match[2].split(","):
        names = [name for name in re.findall("[A-Z][a-z]{2,}", key)][:3] or ["Author"]
        year = next(iter(re.findall(r"(?:19|20)\d\d", key)), "2001")
        said.append((" and ".join(names), year))
    if match[1].startswith("citep") or match[1] == "cite":
        return "(" + "; ".join(f"{name}, {year}" for name, year in said) + ")"
    return ", ".join(f"{name} ({year})" for name, year in said)


def of_latex(source):
    """Paragraphs of a Sweave file: words only, mathematics as one letter."""
    source = re.sub(r"(?ms)^<<.*?^@.*?$", "", source)
    source = re.sub(r"(?m)(?<!\\)%.*$", "", source)
    source = source.split(r"\begin{document}")[-1].split(r"\end{document}")[0].split(r"\bibliography{")[0]
    source = re.sub(r"(?s)\\begin\{(%s)\*?\}.*?\\end\{\1\*?\}" % SKIPPED, "\n\n", source)
    source = re.sub(r"(?s)\\\[.*?\\\]|\$\$.*?\$\$", "\n\n", source)
    source = re.sub(r"\\verb\*?([^a-zA-Z\s])(.*?)\1", lambda m: CODE + m[2] + END, source)
    source = re.sub(r"\\Sexpr\{[^}]*\}", "3.1", source)
    source = re.sub(r"(?s)(?<!\\)\$(.{1,200}?)(?<!\\)\$", lambda m: m[1] if re.fullmatch("[A-Za-z]", m[1]) else "x", source)
    source = re.sub(r"\\url\{([^{}]*)\}", lambda m: ADDRESS + m[1].replace("\\", "") + END, source)
    source = re.sub(r"\\(cite[a-z]*)\*?(?:\[[^\]]*\])*\{([^{}]*)\}", of_cite, source)
    source = re.sub(r"\\(?:eq)?ref\{[^{}]*\}", "2", source)
    source = re.sub(r"\\(?:label|index|includegraphics|vspace|hspace|setkeys|SweaveOpts|setlength|bibliographystyle|input|thispagestyle)\*?(?:\[[^\]]*\])?\{[^{}]*\}(?:\{[^{}]*\})?", "", source)
    source = re.sub(
        r"""\\([`'^~"=])\s*(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))""", lambda m: unicodedata.normalize("NFC", (m[2] or m[3]) + ACCENTS[m[1]]), source)
    source = re.sub(r"\\([cvrH])\{([A-Za-z])\}", lambda m: unicodedata.normalize("NFC", m[2] + ACCENTS[m[1]]), source)
    for name, letter in LETTERS.items():
        source = re.sub(re.escape(name) + r"(?![A-Za-z])(?:\{\}|\s)?", letter, source)
    source = re.sub(r"\\(?:section|subsection|subsubsection|paragraph|chapter)\*?(?:\[[^\]]*\])?\{", "\n\n{", source)
    source = re.sub(r"\\item(?:\[([^\]]*)\])?", lambda m: "\n\n" + (m[1] or "") + " ", source)
    source = re.sub(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]*\])?", "\n\n", source)
    for _ in range(6):
        source = re.sub(r"\\(?:code|texttt|file|samp|command|kbd|Rfunction|Robject|codett)\s*\{([^{}]*)\}", lambda m: CODE + m[1] + END, source)
        source = re.sub(r"\\footnote\s*\{([^{}]*)\}", r" (\1)", source)
        source = re.sub(r"\\[A-Za-z]+\*?\s*(?:\[[^\]]*\])?\{([^{}]*)\}", r"\1", source)
        source = re.sub(r"(?<!\\)\{([^{}\\]*)\}", r"\1", source)
    source = re.sub(r"\\([&%$#_{}])", r"\1", source).replace("\\\\", " ").replace("~", " ").replace(r"\ ", " ").replace(r"\-", "").replace(r"\/", "")
    source = re.sub(r"\\[,;:!@]", " ", source).replace("---", "—").replace("--", "–").replace("``", "“").replace("''", "”").replace("`", "‘").replace("'", "’")
    source = re.sub(r"\\[A-Za-z]+\s?", "", source)
    return re.split(r"\n\s*\n", source)


def of_html(path):
    """Paragraphs of a manual."""
    tree = lxml.html.parse(str(path), lxml.html.HTMLParser(encoding="utf-8")).getroot()
    if tree is None:
        return
    for element in tree.iter("code", "tt", "kbd", "samp"):
        element.text, element.tail = CODE + (element.text or ""), END + (element.tail or "")
    for element in tree.iter("p", "li", "dd", "h2", "h3"):
        if element.tag in ("li", "dd") and element.find(".//p") is not None or element.find(".//pre") is not None:
            continue
        yield entities.unescape("".join(element.itertext()))


def paragraphs(pieces):
    """Those that are prose and that the font has letters for, each once, with blanks as blanks."""
    seen = set()
    for piece in pieces:
        text = " ".join(piece.replace("\u200b", "").replace("\xa0", " ").replace("\u202f", " ").replace("¶", "").split())
        text = re.sub(f"{CODE}\\s+", CODE, re.sub(f"\\s+{END}", END, text))
        text = re.sub(f"[{CODE}{ADDRESS}]\\s*{END}", "", text)
        words = text.split()
        if len(words) < 12 or text in seen or re.search(r"[\\{}]", re.sub(f"{CODE}[^{END}]*{END}", "", text)):
            continue
        if not re.fullmatch("[\ue000-\ue002 -\x7e\xa1-\xff\u0100-\u017f–—‘’“”„‚«»…€\u2011]*", text) or text.count(CODE) + text.count(ADDRESS) != text.count(END):
            continue
        if sum(word.strip(".,;:()“”’").isalpha() for word in words) < 0.7 * len(words):
            continue
        seen.add(text)
        yield text


def escaped(text, dictionary):
    """A text for TeX; where `dictionary` is given, with the places where its words may be broken."""
    out = []
    for part in re.split(f"({CODE}[^{END}]*{END}|{ADDRESS}[^{END}]*{END})", text):
        if part.startswith(ADDRESS):
            out.append(rf"\url{{{part[1:-1]}}}")
            continue
        is_code = part.startswith(CODE)
        body = part.strip(CODE + END)
        if dictionary and not is_code:
            # Names of hosts and files are set so that they are not broken.
            broken = lambda word: re.sub(r"[^\W\d_]{5,}", lambda m: dictionary.inserted(m[0], "\ue003"), word)
            body = re.sub(r"\S+", lambda m: m[0] if re.search(r"\w[./@:]+\w", m[0]) else broken(m[0]), body)
        body = "".join(SPECIAL.get(c, c) for c in body).replace("\ue003", r"\-").replace("--", "-{}-")
        out.append(rf"\texttt{{{body}}}" if is_code else body)
    return "".join(out)


def document(name, texts, language):
    draw = random.Random(name)
    font = draw.choice([r"\usepackage{lmodern}", r"\usepackage{mathptmx}", r"\usepackage{lmodern}", r"\usepackage{charter}", r"\usepackage{helvet}\renewcommand\familydefault{\sfdefault}"])
    size = draw.choice(["9pt", "10pt", "10pt", "11pt"])
    kind = "extarticle" if size == "9pt" else "article"
    dictionary = None if language == "en" else pyphen.Pyphen(lang=language)
    body = "\n\n".join(escaped(text, dictionary) for text in texts)
    return "\n".join([
        rf"\documentclass[{size},a4paper,twocolumn]{{{kind}}}", r"\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage{textcomp,eurosym}",
        font, draw.choice([r"\usepackage{url}", r"\usepackage[hyphens]{url}"]), rf"\usepackage[margin={draw.choice([18, 22, 25])}mm,columnsep={draw.choice([6, 8])}mm]{{geometry}}",
        r"\DeclareUnicodeCharacter{2011}{\mbox{-}}\DeclareUnicodeCharacter{20AC}{\euro}", draw.choice([r"\sloppy", r"\tolerance=800", r"\emergencystretch=1em"]),
        r"\begin{document}", body, r"\end{document}"])


def parts(texts):
    """As long as papers are, ten at most of one text: what is short has fewer words to compare with."""
    part = []
    for text in texts:
        part.append(text)
        if sum(map(len, part)) > LENGTH:
            yield part
            part = []
    if sum(map(len, part)) > LENGTH / 2:
        yield part


def set_(target, name, texts, language):
    target.mkdir(parents=True, exist_ok=True)
    source = target / f"{name}.tex"
    source.write_text(document(name, texts, language))
    subprocess.run(["pdflatex", "-interaction=nonstopmode", source.name], cwd=target, capture_output=True)
    for ending in ("aux", "log", "tex"):
        (target / f"{name}.{ending}").unlink(missing_ok=True)
    if (target / f"{name}.pdf").exists():
        (target / f"{name}.txt").write_text("\n\n".join(re.sub(f"[{CODE}{ADDRESS}{END}]", "", text) for text in texts) + "\n")


def main():
    folder, packages = map(pathlib.Path, sys.argv[1:3])
    for package in sorted(packages.iterdir()):
        # By package, so that nothing of one text is on both sides.
        side = "held" if hashlib.md5(package.name.encode()).digest()[0] % 2 else "train"
        documents = {}
        for path in sorted({*package.rglob("*.Rnw")}):
            documents[f"en-{package.name.removeprefix('r-cran-').removeprefix('r-bioc-')}-{path.stem}"] = paragraphs(of_latex(path.read_text(errors="replace")))
        language = package.name.rsplit("-", 1)[-1]
        language = language if language in ("de", "fr", "es", "it", "nl") else "en"
        pieces = (piece for path in sorted(package.rglob("*.html")) if path.is_file() and not path.is_symlink() for piece in of_html(path))
        documents[f"{language}-{package.name}"] = paragraphs(pieces)
        for name, texts in documents.items():
            for number, part in enumerate(itertools.islice(parts(texts), 10), 1):
                set_(folder / side, f"{name}-{number}", part, name[:2])
                print(side, name, number, sum(map(len, part)))


if __name__ == "__main__":
    main()
