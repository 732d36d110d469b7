"""How many line-end hyphens come out right: `score.py FOLDER MARKDOWN [--errors]`: of each FOLDER/NAME.pdf, whose words FOLDER/NAME.txt has in their
order, the Markdown (or text) MARKDOWN/NAME.md.

Hyphens are counted at the ends of the lines of `pdftotext -raw`. One is wrong where the words differ from the text's in hyphens and white space only: kept
though the word has none, dropped though it has one, or the halves left apart."""

import argparse
import collections
import pathlib
import re
import subprocess
import unicodedata

from rapidfuzz.distance import Levenshtein


def words_of(text):
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[‘’‛`´]", "'", re.sub("[“”„«»]", '"', text))
    text = re.sub("[\u2010\u2011\u2212]", "-", text)
    return [word for word in text.split() if any(c.isalnum() for c in word)]


def of_markdown(text):
    """Its words without marks."""
    text = re.sub(r"(?m)^(#+ |> |[-*+] |\d+[.)] )", "", text)
    text = re.sub(r"\]\([^()\s]*\)", "", text)
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", re.sub(r"(?<!\\)[*_`]+|(?<!\\)[\[<>]", "", text))
    return words_of(text)


def core(word):
    return word.strip(".,;:!?()[]\"'<>*_`\\").lower()


def errors(truth, found):
    """(kind, words of the text, words found, place) of what differs in hyphens and gaps alone."""
    a, b = [core(word) for word in truth], [core(word) for word in found]
    for op in Levenshtein.opcodes(a, b):
        if op.tag == "equal":
            continue
        i, j = op.src_start, op.dest_start
        yield from within(a, b, i, op.src_end, j, op.dest_end)


def within(a, b, i, i_end, j, j_end):
    """Where within a part that differs the letters agree."""
    bare = lambda words: "".join(words).replace("-", "")
    while i < i_end and j < j_end:
        for count in (1, 2, 3):
            pairs = [(n, m) for n in range(1, count + 1) for m in range(1, count + 1) if max(n, m) == count and i + n <= i_end and j + m <= j_end]
            pair = next((p for p in pairs if bare(a[i:i + p[0]]) == bare(b[j:j + p[1]]) and bare(a[i:i + p[0]])), None)
            if pair:
                break
        if not pair:
            i, j = i + 1, j + 1
            continue
        said, got = a[i:i + pair[0]], b[j:j + pair[1]]
        if said != got:
            kind = "apart" if len(got) > len(said) else "together" if len(got) < len(said) else "kept" if sum(w.count("-") for w in got) > sum(w.count("-") for w in said) else "dropped"
            yield kind, " ".join(said), " ".join(got), i
        i, j = i + pair[0], j + pair[1]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("markdown", type=pathlib.Path)
    arguments.add_argument("--errors", action="store_true")
    options = arguments.parse_args()
    hyphens, wrong, lost = collections.Counter(), collections.Counter(), collections.Counter()
    for path in sorted(options.folder.glob("*.pdf")):
        language = path.stem[:2]
        printed = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True).stdout.decode()
        own = len(re.findall(r"(?m)\w[-\u2010\u00ad]$", printed))
        hyphens[language] += own
        result = options.markdown / f"{path.stem}.md"
        truth = words_of(path.with_suffix(".txt").read_text())
        found = of_markdown(result.read_text()) if result.exists() else []
        lost[language] += max(0, len(truth) - len(found))
        for kind, said, got, place in errors(truth, found):
            wrong[language, kind] += 1
            if options.errors:
                print(f"{path.stem}\t{kind}\t{said}\t{got}\t{' '.join(truth[max(0, place - 4):place + 4])}")
    print("| language | line-end hyphens | right | kept wrongly | dropped wrongly | left apart | run together | words lost |\n|---|---|---|---|---|---|---|---|")
    for language, count in sorted(hyphens.items()):
        kinds = [wrong[language, kind] for kind in ("kept", "dropped", "apart", "together")]
        print(f"| {language} | {count:,} | {1 - sum(kinds) / max(count, 1):.2%} | " + " | ".join(map(str, kinds)) + f" | {lost[language]} |")


if __name__ == "__main__":
    main()
