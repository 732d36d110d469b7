"""compare.py WORK FOLDER…: how the words of each PDF differ from what most of four other programs read. See text_layers.sh.

A word of ours counts as wrong when at most one of the four has it at that place, and one is missing when three of them have it there and
we do not ("there": in the longest common subsequence of the page's words, two programs at a time). Where they are two against
two there is no majority, and no difference. A block of text that stands elsewhere differs in all its words; counted are therefore also pairs
of words that follow each other, of which it differs in two, and words wherever they stand."""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import unicodedata

from rapidfuzz.distance import Indel

PEERS = ["pdftotext", "pdfium", "mupdf", "pdfjs"]
HERE = pathlib.Path(__file__).parent
LIMIT = float(os.environ.get("LIMIT", "0.01"))
MOST_PAGES = os.environ.get("MOST_PAGES", "50")
SHOW = int(os.environ.get("SHOW", "0"))
# Seconds that a program may take for a file; some of the corpora's are made to hang readers.
PATIENCE = 60
SAME = str.maketrans({c: s for s, cs in {"'": "‘’‚‛ʼ´", '"': "“”„‟", "-": "‐‑‒–—−\u00ad"}.items() for c in cs})


def read(work, program, file, digest):
    """The pages' texts, or None where the program does not read the file. Kept, but for our own."""
    kept = work / "texts" / program / f"{digest}-{MOST_PAGES}.json"
    if program != "pagestream" and kept.exists():
        return json.loads(kept.read_text())
    command = [sys.executable, HERE / "pages.py", program, file, MOST_PAGES]
    if program == "pdfjs":
        command = ["node", HERE / "pdfjs.mjs", work, file, MOST_PAGES]
    try:
        run = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        pages = json.loads(run.stdout) if run.returncode == 0 else None
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        pages = None
    if program != "pagestream":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(pages))
    return pages


def words(text):
    # A word that is broken at the end of a line is one word, whatever a program makes of its hyphen.
    text = re.sub("\ufffe\\s*", "", text)
    text = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf") or c == "\u00ad")
    # A letter that loses its dot under an accent is the letter with the accent, and the dots that lead to a page's number are no words.
    text = re.sub("ı(?=[\u0300-\u036f])", "i", text)
    text = unicodedata.normalize("NFKC", text).translate(SAME)
    text = re.sub(r"\.?(\s*\.){4,}", " ", text)
    text = re.sub(r"(?<=\w)-[ \t]*[\r\n]\s*(?=\w)", "", text)
    return text.split()


def matched(a, b):
    """Which places of a have the same word in b, in order."""
    found = [True] * len(a)
    for edit in Indel.editops(a, b):
        if edit.tag == "delete":
            found[edit.src_pos] = False
    return found


def majority(peers, ours):
    """Words that we have alone or with one other, words that three others have and we do not, and which these are; of one page."""
    agreed = [matched(ours, peer) for peer in peers]
    extra = [word for at, word in enumerate(ours) if sum(found[at] for found in agreed) < min(2, len(peers))]
    missing, weight = [], 0.0
    for peer in peers:
        have = matched(peer, ours)
        others = [matched(peer, other) for other in peers if other is not peer] if not all(have) else []
        for at, word in enumerate(peer):
            count = 1 + sum(found[at] for found in others)
            if not have[at] and count >= len(peers) - 1:
                weight += 1 / count
                missing.append(word)
    return extra, weight, missing


def counted(peers, ours):
    """As `majority`, of things that are counted wherever they stand on the page."""
    counts, ours = [collections.Counter(peer) for peer in peers], collections.Counter(ours)
    extra = missing = 0
    for thing in set(ours).union(*counts):
        downwards = sorted((count[thing] for count in counts), reverse=True)
        extra += max(0, ours[thing] - downwards[1])
        missing += max(0, downwards[-2] - ours[thing])
    return max(extra, missing)


def pairs(page):
    return list(zip(page, page[1:]))


def compare(work, file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:24]
    pages = {program: read(work, program, file, digest) for program in [*PEERS, "pagestream"]}
    read_by = [peer for peer in PEERS if pages[peer] is not None]
    if len(read_by) < 3:
        return None
    total = differ = by_pairs = unordered = 0
    alone, shown = {peer: [0, 0] for peer in read_by}, []
    for number in range(max(len(pages[peer]) for peer in read_by)):
        page = {p: words(pages[p][number]) if pages[p] and number < len(pages[p]) else [] for p in [*read_by, "pagestream"]}
        ours, peers = page["pagestream"], [page[peer] for peer in read_by]
        length = sorted(map(len, peers))[len(peers) // 2]
        extra, missing, which = majority(peers, ours)
        total += length
        differ += max(len(extra), missing)
        by_pairs += counted([pairs(peer) for peer in peers], pairs(ours))
        unordered += counted(peers, ours)
        if extra or which:
            shown.append((max(len(extra), missing), number + 1, extra, which))
        for peer in read_by:
            distance = Indel.distance(page[peer], ours)
            alone[peer][0] += distance / 2
            alone[peer][1] += max(len(page[peer]), len(ours))
    if not total:
        return None
    each = {peer: alone[peer][0] / max(1, alone[peer][1]) if peer in alone else None for peer in PEERS}
    return {"share": differ / total, "pairs": by_pairs / total, "unordered": unordered / total, "words": total, "each": each, "shown": shown}


def main():
    work, folders = pathlib.Path(sys.argv[1]), [pathlib.Path(folder) for folder in sys.argv[2:]]
    reasons = {}
    for row in (HERE / "reasons.tsv").read_text().splitlines():
        if row and not row.startswith("#"):
            name, kind, reason = row.split("\t")
            reasons[name] = (kind, reason)
    results = {}
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".pdf"):
            result = compare(work, file)
            if result:
                results[str(file.relative_to(folder))] = result
                print(f"\r{len(results)} files", end="", file=sys.stderr)
    print(file=sys.stderr)
    if not results:
        sys.exit("compare.py: there is no PDF with text below these folders that three of the four read")
    (work / "results.json").write_text(json.dumps(results))
    worst = sorted(results.items(), key=lambda item: -item[1]["share"])
    over = [(name, result) for name, result in worst if result["share"] > LIMIT]
    same, count = len(results) - len(over), len(results)
    explained = sum(name in reasons for name, _ in over)
    print(f"{datetime.date.today()}: of {count} files with text, {same} ({same / count:.1%}) differ from the majority by {LIMIT:.0%} of the words")
    print(f"or less, and {explained} more for a reason that is known ({(same + explained) / count:.1%} in all).\n")
    print("| file | words | in order | by pairs | without order | " + " | ".join(PEERS) + " | reason |\n|" + "---|" * (6 + len(PEERS)))
    number = lambda share: "" if share is None else f"{share:.3f}"
    for name, result in over:
        cells = [name, str(result["words"]), number(result["share"]), number(result["pairs"]), number(result["unordered"])]
        cells += [number(result["each"][peer]) for peer in PEERS] + [": ".join(reasons.get(name, ("", ""))).strip(": ")]
        print("| " + " | ".join(cells) + " |")
    kinds = collections.Counter(reasons[name][0] for name, _ in over if name in reasons)
    for kind, files in kinds.most_common():
        print(f"\n{kind}: {files}", end="")
    print()
    for name in reasons.keys() - {name for name, _ in over}:
        if name in results:
            print(f"compare.py: {name} does not differ any more: strike it from reasons.tsv", file=sys.stderr)
    for name, result in [item for item in over if item[0] not in reasons][:SHOW]:
        print(f"\n{name}")
        for _, page, extra, missing in sorted(result["shown"], reverse=True)[:3]:
            print(f"  page {page}: ours alone: {' '.join(extra[:25])!r}; theirs: {' '.join(missing[:40])!r}")


if __name__ == "__main__":
    main()
