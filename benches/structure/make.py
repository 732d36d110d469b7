"""Makes documents with known structure: `make.py FOLDER COUNT [--seed N] [--latex]`.

Writes NAME.pdf, NAME.html or NAME.tex, and NAME.json: the blocks in reading order. Needs chromium, or pdflatex."""

import argparse
import json
import pathlib
import subprocess
import tempfile

import content
import setting
import latex


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("count", type=int)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--latex", action="store_true")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.seed, options.seed + options.count):
        stem = options.folder / f"{'latex' if options.latex else 'html'}-{number:04d}"
        if stem.with_suffix(".pdf").exists():
            continue
        with tempfile.TemporaryDirectory() as work:
            if options.latex:
                columns = 1 + number % 2
                blocks = content.document(number + 10_000, columns > 1, notes=True)
                stem.with_suffix(".tex").write_text(latex.source(blocks, number, columns))
                for _ in range(2):
                    made = subprocess.run(["pdflatex", "-interaction=batchmode", f"-output-directory={work}", stem.with_suffix(".tex").absolute()], capture_output=True)
                pdf = pathlib.Path(work, stem.name + ".pdf")
                if made.returncode or not pdf.exists():
                    log = pathlib.Path(work, stem.name + ".log").read_text(errors="replace")
                    print(f"{stem}: not set: {[line for line in log.splitlines() if line.startswith('!')][:2]}")
                    continue
                stem.with_suffix(".pdf").write_bytes(pdf.read_bytes())
            else:
                style = setting.Style(number)
                blocks = content.document(number, style.columns > 1)
                stem.with_suffix(".html").write_text(setting.page(blocks, style))
                subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={work}", "--no-pdf-header-footer",
                                f"--print-to-pdf={stem.with_suffix('.pdf').absolute()}", stem.with_suffix(".html").absolute().as_uri()], capture_output=True, check=True)
            stem.with_suffix(".json").write_text(json.dumps(dict(blocks=blocks), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
