"""Real formulas under free licences: what the documentation strings of the packages in alphabets/formula.toml contain.

python -m lab.formula.sources      # downloads the wheels, writes formulas.json: LaTeX that the vocabulary can say"""
import html
import json
import re
import subprocess
import sys
import textwrap
import zipfile

from ..config import work_dir
from .latex import TABLE, Unsupported, canonical

ROLE = re.compile(r":(?:math|eq):`([^`]{2,400})`")
BLOCK = re.compile(r"^([ \t]*)\.\. math::([^\n]*)\n((?:(?:\1[ \t]+[^\n]*)?\n)+)", re.M)
DOLLARS = re.compile(r"(?<![\\$\w])\$\$?([^$\n]{3,300}?)(?<!\\)\$\$?(?![\w$])")


def formulas(text: str):
    for match in ROLE.finditer(text):
        yield match[1]
    for match in BLOCK.finditer(text):
        body = textwrap.dedent(match[3])
        body = re.sub(r"^\s*:\w+:.*$", "", body, flags=re.M)
        for part in re.split(r"\n\s*\n", (match[2] + "\n" + body).strip()):
            yield part
    for match in DOLLARS.finditer(text):
        if re.search(r"\\[a-z]|[_^]", match[1]):
            yield match[1]


def main():
    wheels = work_dir() / "formula-wheels"
    wheels.mkdir(exist_ok=True)
    found, report = {}, {}
    for name in TABLE["sources"]:
        stem = name.replace("-", "[-_.]").lower()
        files = [f for f in wheels.iterdir() if re.match(rf"{stem}-\d", f.name.lower())]
        if not files:
            subprocess.run([sys.executable, "-m", "pip", "-q", "download", "--no-deps", "-d", wheels, name], check=False)
            files = [f for f in wheels.iterdir() if re.match(rf"{stem}-\d", f.name.lower())]
        before = len(found)
        for wheel in files:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.namelist():
                    if not member.endswith((".py", ".rst", ".pyx", ".md", ".pyi")):
                        continue
                    text = archive.read(member).decode("utf-8", "replace")
                    raw = r'r"""' in text or "r'''" in text or not member.endswith(".py")
                    for source in formulas(text):
                        source = html.unescape(source)
                        if not raw or "\\\\" in source and not re.search(r"\\begin|\\\\\s", source):
                            source = source.replace("\\\\", "\\")
                        source = re.sub(r"\s+", " ", source).strip()
                        try:
                            tokens = tuple(canonical(source))
                        except (Unsupported, RecursionError, IndexError):
                            continue
                        if 2 <= len(tokens) <= 160:
                            found.setdefault(tokens, source)
        report[name] = len(found) - before
    (work_dir() / "formulas.json").write_text(json.dumps(sorted(found.values())), encoding="utf-8")
    print(report, len(found), "formulas")


if __name__ == "__main__":
    main()
