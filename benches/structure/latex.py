"""Sets documents in LaTeX: classes, fonts and columns at random, by a seed; with footnotes and hyphenation."""

import random

ESCAPES = {c: "\\" + c for c in "&%$#_{}"} | {"°": r"\textdegree{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "•": r"\textbullet{}"}


def escape(text):
    return "".join(ESCAPES.get(c, c) for c in text)


def tabular(table, looks):
    widths, grid = table["columns"], table["grid"]
    spec = "".join({"left": "l", "right": "r"}[a] for a in table["aligns"])
    long = [any(len(cell["text"]) > 28 for row in grid for cell in [row[c] if c < len(row) else dict(text="")]) for c in range(widths)]
    spec = "".join("p{35mm}" if far else s for far, s in zip(long, spec))
    if looks == "ruled":
        spec = "|" + "|".join(s if s.startswith("p") else s for s in ([*spec] if "p{" not in spec else spec.replace("p{35mm}", "P"))) + "|"
        spec = spec.replace("P", "p{35mm}")
    rule = dict(ruled=r"\hline", booktabs="", plain="")[looks]
    lines = [dict(ruled=r"\hline", booktabs=r"\toprule", plain="")[looks]]
    open_spans = {}
    for at, row in enumerate(grid):
        cells, column = [], 0
        for cell in row:
            while open_spans.get(column, 0) > 0:
                open_spans[column] -= 1
                cells.append("")
                column += 1
            text, span = escape(cell["text"]), cell.get("column_span", 1)
            if cell.get("is_header"):
                text = rf"\textbf{{{text}}}" if looks != "booktabs" else text
            if cell.get("row_span", 1) > 1:
                text = rf"\multirow{{{cell['row_span']}}}{{*}}{{{text}}}"
                open_spans[column] = cell["row_span"] - 1
            if span > 1:
                bar = "|" if looks == "ruled" else ""
                text = rf"\multicolumn{{{span}}}{{{bar if column == 0 else ''}c{bar}}}{{{text}}}"
            cells.append(text)
            column += span
        while column < widths:
            open_spans[column] = max(0, open_spans.get(column, 0) - 1)
            cells.append("")
            column += 1
        lines.append(" & ".join(cells) + r" \\")
        if looks == "ruled":
            open_columns = [c for c, n in open_spans.items() if n > 0]
            lines.append(rule if not open_columns else rf"\cline{{2-{widths}}}")
        elif looks == "booktabs" and at + 1 == table["header_rows"]:
            lines.append(r"\midrule")
    lines.append(dict(ruled="", booktabs=r"\bottomrule", plain="")[looks])
    return rf"\begin{{tabular}}{{{spec}}}" + "\n".join(lines) + r"\end{tabular}"


def source(blocks, seed, columns):
    r = random.Random(seed)
    looks = r.choice(["ruled", "booktabs", "booktabs", "plain"])
    font = r.choice(["", r"\usepackage{mathptmx}", r"\usepackage{lmodern}", r"\usepackage{charter}", r"\usepackage{helvet}\renewcommand\familydefault{\sfdefault}"])
    size = r.choice(["10pt", "11pt"]) if columns == 1 else r.choice(["9pt", "10pt"])
    head = r.choice(["Journal of Made-up Studies, vol. 7", "On tides and sediments", ""])
    out = [rf"\documentclass[{size},a4paper{',twocolumn' if columns == 2 else ''}]{{{'extarticle' if size == '9pt' else 'article'}}}", r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,multirow,fancyhdr,enumitem,tikz}\usepackage[margin=22mm]{geometry}",
           font, r"\setcounter{secnumdepth}{0}\pagestyle{fancy}\fancyhf{}\setlength\headheight{14pt}", rf"\fancyhead[L]{{\itshape {head}}}" + r.choice([r"\fancyhead[R]{\thepage}", r"\fancyfoot[C]{\thepage}"]),
           r.choice([r"\renewcommand\headrulewidth{0pt}", ""]), r.choice([r"\setlength\parindent{0pt}\setlength\parskip{6pt}", "", ""]),
           rf"\title{{{escape(blocks[0]['text'])}}}\author{{}}\date{{}}\begin{{document}}\maketitle\thispagestyle{{fancy}}\setlist{{nosep}}"]
    depth = []

    def close(level):
        while len(depth) > level:
            out.append(rf"\end{{{depth.pop()}}}")

    i = 1
    while i < len(blocks):
        block, text = blocks[i], escape(blocks[i].get("text", ""))
        kind = block["kind"]
        if kind != "list-item":
            close(0)
        if kind == "heading":
            out.append([r"\section", r"\subsection"][block["level"] - 1] + f"{{{text}}}")
        elif kind == "paragraph":
            note = rf"\footnote{{{escape(block['note']['text'])}}}" if "note" in block else ""
            out.append(f"\n{text}{note}\n")
        elif kind == "list-item":
            if block["first"]:
                close(block["level"] - 1)
                name = "itemize" if block["style"] == "disc" else "enumerate"
                label = {"disc": r"\textbullet", "decimal": r"\arabic*.", "lower-alpha": r"\alph*.", "lower-roman": r"\roman*."}[block["style"]]
                out.append(rf"\begin{{{name}}}[label={label}]")
                depth.append(name)
            else:
                close(block["level"])
            out.append(rf"\item {text}")
        elif kind in ("table", "figure", "caption"):
            pieces = []
            for b in blocks[i:i + 2]:
                if b["kind"] == "table":
                    pieces.append(rf"{{\small {tabular(b, looks)}}}\par")
                elif b["kind"] == "figure":
                    n = random.Random(b["seed"])
                    bars = "".join(rf"\fill[gray] ({x / 2},0) rectangle ({x / 2 + .35},{n.random() * 2 + .2:.2f});" for x in range(8))
                    pieces.append(rf"\begin{{tikzpicture}}\draw (0,2.5)--(0,0)--(4,0);{bars}\end{{tikzpicture}}\par")
                else:
                    pieces.append(rf"{{\small {escape(b['text'])}}}\par")
            wide = columns == 2 and any(b["kind"] == "table" and b["columns"] > 4 for b in blocks[i:i + 2])
            star = "*" if wide else ""
            # Floats move; text flows around them, and so the truth of their place is not known: they are put where they stand.
            if wide:
                out.append(rf"\begin{{table{star}}}[t]\centering " + r"\smallskip ".join(pieces) + rf"\end{{table{star}}}")
            else:
                out.append(r"\par\medskip\noindent\begin{minipage}{\linewidth}\centering " + r"\smallskip ".join(pieces) + r"\end{minipage}\par\medskip ")
            i += 1
        elif kind == "code":
            out.append(r"\par\medskip\noindent\begin{minipage}{\linewidth}\small\begin{verbatim}" + "\n" + block["text"] + "\n" + r"\end{verbatim}\end{minipage}\par\medskip ")
        i += 1
    close(0)
    return "\n".join(out) + "\n" + r"\end{document}"
