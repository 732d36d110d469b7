"""Documents with formulas whose LaTeX is known: `make.py FOLDER FORMULAS [--seed N] [--count 120] [--class article]`; FORMULAS is a JSON list of LaTeX.

Writes FOLDER/formulas-SEED.pdf and .json: formulas by number, each displayed after a sentence that names it; short ones also stand within a sentence."""
import argparse
import json
import pathlib
import random
import re
import subprocess
import tempfile

HEAD = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{amsmath,amssymb,mathrsfs}
%s
\usepackage[a4paper,margin=28mm]{geometry}
\begin{document}
"""
FONTS = ["", r"\usepackage{lmodern}", r"\usepackage{mathptmx}", r"\usepackage{mathpazo}"]
WORDS = "the set of all values that the measure takes on every bounded part is small where we have that it holds for each of them".split()


def sentence(n, count):
    return " ".join(n.choice(WORDS) for _ in range(count))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("formulas", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--count", type=int, default=120)
    options = arguments.parse_args()
    n = random.Random(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    every = json.loads(options.formulas.read_text())
    chosen = [f for f in n.sample(every, min(2 * options.count, len(every))) if not re.search(r"\\(label|tag|ref|cite)|&|\\\\", f) or r"\begin" in f]
    kept, body = [], []
    font = FONTS[options.seed % len(FONTS)]
    for formula in chosen:
        if len(kept) == options.count:
            break
        short = len(formula) < 40 and "\\begin" not in formula and n.random() < .6
        where = f"We write about case {len(kept)}: {sentence(n, 6)}"
        part = f"{where} where ${formula}$ {sentence(n, 7)}.\n\n" if short else f"{where}.\n\\[{formula}{n.choice(['', ',', '.', ''])}\\]\n\n"
        with tempfile.TemporaryDirectory() as work:
            (pathlib.Path(work) / "a.tex").write_text(HEAD % font + part + r"\end{document}")
            done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"], cwd=work, capture_output=True)
            log = (pathlib.Path(work) / "a.log").read_text(errors="replace")
            if done.returncode or "Overfull" in log:
                continue
        kept.append({"latex": formula, "inline": short})
        body.append(part)
    with tempfile.TemporaryDirectory() as work:
        (pathlib.Path(work) / "a.tex").write_text(HEAD % font + "".join(body) + r"\end{document}")
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "a.tex"], cwd=work, capture_output=True, check=True)
        (options.folder / f"formulas-{options.seed}.pdf").write_bytes((pathlib.Path(work) / "a.pdf").read_bytes())
    (options.folder / f"formulas-{options.seed}.json").write_text(json.dumps(kept))


main()
