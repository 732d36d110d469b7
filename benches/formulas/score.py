"""How well formulas of made documents were read: `score.py FOLDER RECORDS.jsonl… [--misses]` for each FOLDER/NAME.json the records of NAME.

A formula is looked for behind the words "case N". Located: told as what it is, displayed or in a sentence; F1: of that and of what else was told there,
where a formula in pieces counts as one and its other pieces as wrong. Exact is the same canonical tokens, edit the distance of tokens over the longer. Run where `lab` of models/training can be imported."""
import argparse
import json
import pathlib
import re
import statistics

from lab.formula.latex import Unsupported, canonical


def tokens(latex):
    try:
        return canonical(latex)
    except (Unsupported, RecursionError, IndexError, KeyError):
        return None


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, last + (x != y))
    return row[-1]


def found(records):
    """By number: all formulas between it and the next, each with whether it stands alone."""
    result, at = {}, None
    for record in records:
        for block in record.get("blocks", []):
            events = [(m.start(), "case", int(m[1])) for m in re.finditer(r"case (\d+)", block.get("text", ""))]
            events += [(m["start"], "inline", m["latex"]) for m in block.get("marks", []) if m["kind"] == "formula"]
            if block["kind"] == "formula":
                events = [(0, "display", block.get("latex") or "")]
            for _, what, value in sorted(events, key=lambda e: e[0]):
                if what == "case":
                    at = value
                elif at is not None:
                    result.setdefault(at, []).append((what, value))
    return result


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("records", type=pathlib.Path)
    arguments.add_argument("--misses", action="store_true")
    options = arguments.parse_args()
    sums, told = {}, {}
    for path in sorted(options.folder.glob("*.json")):
        records = [json.loads(line) for line in (options.records / f"{path.stem}.jsonl").read_text().splitlines()]
        got = found([r for r in records if "page" in r])
        for number, truth in enumerate(json.loads(path.read_text())):
            wanted = tokens(truth["latex"].rstrip(" .,"))
            if wanted is None:
                continue
            kind = "inline" if truth["inline"] else "display"
            best, text = 1.0, ""
            for what, latex in got.get(number, []):
                read = tokens(latex.rstrip(" .,")) 
                score = 1.0 if read is None else distance(wanted, read) / max(len(wanted), len(read), 1)
                if score < best or not text:
                    best, text = min(best, score), latex
            of = sums.setdefault((path.stem, kind), {"exact": [], "edit": [], "located": []})
            told[path.stem, kind] = told.get((path.stem, kind), 0)
            for what, _ in got.get(number, []):
                told[path.stem, what] = told.get((path.stem, what), 0) + 1
            of["exact"].append(best == 0)
            of["edit"].append(best)
            of["located"].append(any(what == kind for what, _ in got.get(number, [])))
            if options.misses and best:
                print(f"{path.stem} {number} {kind} {best:.2f}\n   {truth['latex']}\n   {text}   {len(got.get(number, []))}")
    for key, of in sums.items():
        right = sum(of["located"])
        figures = [statistics.mean(of[k]) for k in ("exact", "edit", "located")] + [2 * right / max(1, told[key] + len(of["located"]))]
        print(*key, len(of["exact"]), "exact %.3f edit %.3f located %.3f F1 %.3f" % tuple(figures))


main()
