"""Scores the tables of records (JSON lines) against those that make.py wrote: TEDS, TEDS of the structure alone, tables that were not found, and
tables that are none.

    score.py FOLDER RECORDS [--misses]"""

import collections
import html
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "structure"))
from rapidfuzz import fuzz  # noqa: E402
from teds import teds  # noqa: E402


def as_html(tables):
    """One table of parts that go on over pages."""
    rows = []
    for table in tables:
        own = [[] for _ in range(table["rows"])]
        for cell in table["cells"]:
            spans = "".join(f' {name}="{cell[key]}"' for name, key in (("rowspan", "row_span"), ("colspan", "column_span")) if cell.get(key, 1) > 1)
            own[cell["row"]].append(f"<td{spans}>{html.escape(cell['text'])}</td>")
        rows += own
    return "<table>" + "".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>"


def words(text):
    return " ".join(re.sub("<[^>]*>", " ", html.unescape(text)).split())


def main():
    folder, records = Path(sys.argv[1]), Path(sys.argv[2])
    scores, missed, extra = collections.defaultdict(list), 0, 0
    for file in sorted(folder.glob("*.json")):
        truth = json.loads(file.read_text())
        lines = (records / f"{file.stem}.jsonl").read_text().splitlines()
        found = [as_html([block["table"]]) for line in lines for block in json.loads(line).get("blocks", []) if block.get("table")]
        left = list(range(len(found)))
        for number, table in enumerate(truth["tables"]):
            likeness = {at: fuzz.token_set_ratio(words(table), words(found[at])) for at in left}
            best = max(likeness, key=likeness.get, default=None)
            if best is None or likeness[best] < 40:
                missed += 1
                scores[truth["style"]].append((0.0, 0.0))
                if "--misses" in sys.argv:
                    print(file.stem, number, truth["style"], "missed")
                continue
            left.remove(best)
            pair = teds(table, found[best]), teds(table, found[best], True)
            scores[truth["style"]].append(pair)
            if "--misses" in sys.argv and pair[0] < 0.9:
                print(file.stem, number, truth["style"], f"{pair[0]:.3f} {pair[1]:.3f}")
        extra += len(left)
    print("| style | tables | TEDS | structure |\n|---|---|---|---|")
    everything = [pair for pairs in scores.values() for pair in pairs]
    for style, pairs in [*sorted(scores.items()), ("all", everything)]:
        mean = [sum(pair[at] for pair in pairs) / max(1, len(pairs)) for at in (0, 1)]
        print(f"| {style} | {len(pairs)} | {mean[0]:.3f} | {mean[1]:.3f} |")
    print(f"\n{missed} not found, {extra} that are none or parts")


if __name__ == "__main__":
    main()
