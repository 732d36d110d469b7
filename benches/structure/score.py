"""How much of made documents' structure Markdown has: `score.py FOLDER MARKDOWN [--alike .9]`: for each FOLDER/NAME.json the file MARKDOWN/NAME.md.

A block is found where one of its kind says nearly the same. Prints precision, recall and F1 of headings (with and without their level), list
items and paragraphs, TEDS of tables (a table that is missing has 0; one that is none costs precision only), running heads left in, and the order."""

import argparse
import collections
import json
import pathlib
import statistics

from rapidfuzz import fuzz

import markdown
import setting
import teds


def matches(truth, found, alike):
    """Pairs of indices, best first, each once."""
    pairs = []
    for i, a in enumerate(truth):
        for j, b in enumerate(found):
            if min(len(a), len(b)) * 2 >= max(len(a), len(b)):
                ratio = fuzz.ratio(a, b, score_cutoff=100 * alike)
                if ratio:
                    pairs.append((-ratio, i, j))
    used, result = (set(), set()), []
    for _, i, j in sorted(pairs):
        if i not in used[0] and j not in used[1]:
            used[0].add(i), used[1].add(j)
            result.append((i, j))
    return result


def tables_of(found, wanted):
    """For each table that is wanted its best, each once."""
    scores = sorted(((teds.teds(w, f), i, j) for i, w in enumerate(wanted) for j, f in enumerate(found)), reverse=True)
    used, best = (set(), set()), {}
    for score, i, j in scores:
        if i not in used[0] and j not in used[1]:
            used[0].add(i), used[1].add(j)
            best[i] = (score, teds.teds(wanted[i], found[j], structure=True))
    return [best.get(i, (0.0, 0.0)) for i in range(len(wanted))]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("markdown", type=pathlib.Path)
    arguments.add_argument("--alike", type=float, default=.9)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--misses", action="store_true")
    options = arguments.parse_args()
    count, tables, order, furniture = collections.Counter(), [], [], 0
    for path in sorted(options.folder.glob(f"{options.only}*.json")):
        result = options.markdown / f"{path.stem}.md"
        text = result.read_text() if result.exists() else ""
        found, found_tables = markdown.blocks(text)
        truth = json.loads(path.read_text())["blocks"]
        notes = [markdown.plain(b["note"]["text"]) for b in truth if "note" in b]
        say = dict(title="heading")
        for kind in ("heading", "list-item", "paragraph"):
            wanted = [b for b in truth if say.get(b["kind"], b["kind"]) == kind]
            texts = [markdown.plain(b["text"]) for b in wanted]
            have = [b for b in found if b[0] == kind]
            # What captions and notes come as is left open.
            pairs = matches(texts, [b[2] for b in have], options.alike)
            others = [markdown.plain(b["text"]) for b in truth if b["kind"] in ("caption",)] + notes
            free = len(matches(others, [b[2] for j, b in enumerate(have) if j not in {j for _, j in pairs}], .6)) if kind != "heading" else 0
            count[kind, "right"] += len(pairs)
            count[kind, "wanted"] += len(wanted)
            count[kind, "found"] += len(have) - free
            if kind == "heading":
                levels = collections.Counter((have[j][1] - (0 if wanted[i]["kind"] == "title" else wanted[i]["level"])) for i, j in pairs)
                count["level", "right"] += levels.most_common(1)[0][1] if levels else 0
                count["level", "wanted"] += len(pairs)
            if options.misses:
                hit_i, hit_j = {i for i, _ in pairs}, {j for _, j in pairs}
                for i, b in enumerate(texts):
                    if i not in hit_i:
                        print(f"- {path.stem} {kind} missing: {b[:110]}")
                for j, b in enumerate(have):
                    if j not in hit_j and not (kind != "heading" and matches(others, [b[2]], .6)):
                        print(f"+ {path.stem} {kind} wrong: {b[2][:110]}")
        wanted = [setting.table_html(b, classes=False) for b in truth if b["kind"] == "table"]
        scores = tables_of(found_tables, wanted)
        tables += scores
        count["table", "found"] += len(found_tables)
        if options.misses:
            for number, score in enumerate(scores):
                if score[0] < .9:
                    print(f"- {path.stem} table {number + 1}: {score[0]:.2f} {score[1]:.2f}")
        for line in ("Proceedings of the Harbour Society", "TIDES AND SEDIMENTS", "Annual report 2019", "J. Made-up Stud. 12", "Journal of Made-up Studies, vol. 7", "On tides and sediments"):
            furniture += text.count(line)
        # Order: of the beginnings of neighbouring paragraphs and headings, how many come in their order.
        flat = markdown.plain(" ".join(b[2] for b in found if b[0] != "code"))
        places = [flat.find(markdown.plain(b["text"])[:40]) for b in truth if b["kind"] in ("heading", "paragraph", "list-item")]
        places = [p for p in places if p >= 0]
        order += [a < b for a, b in zip(places, places[1:])]
    for kind in ("heading", "list-item", "paragraph"):
        right, wanted, have = (count[kind, what] for what in ("right", "wanted", "found"))
        precision, recall = right / max(have, 1), right / max(wanted, 1)
        print(f"{kind:10} P {precision:.3f}  R {recall:.3f}  F1 {2 * precision * recall / max(precision + recall, 1e-9):.3f}  of {wanted}")
    print(f"levels     {count['level', 'right'] / max(count['level', 'wanted'], 1):.3f}")
    if tables:
        print(f"tables     TEDS {statistics.mean(t[0] for t in tables):.3f}  structure {statistics.mean(t[1] for t in tables):.3f}  of {len(tables)}, found {count['table', 'found']}")
    print(f"order      {statistics.mean(order):.4f}   running heads left in {furniture}" if order else "no order")


if __name__ == "__main__":
    main()
