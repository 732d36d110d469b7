"""What others make of PDFs: `peers.py PROGRAM TARGET FILE…` writes TARGET/NAME.md for each FILE, or, with `--pages`, NAME-pN.md for each page, and
prints the CPU seconds that it took. PROGRAM: pymupdf4llm, pdf_oxide, liteparse, kreuzberg, markitdown, pdftotext, or the path of pagestream."""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile


def pymupdf4llm(path):
    import pymupdf4llm
    return pymupdf4llm.to_markdown(str(path), show_progress=False)


def pdf_oxide(path):
    import pdf_oxide
    document = pdf_oxide.PdfDocument(str(path))
    count = document.page_count
    return "\n\n".join(document.to_markdown(page) for page in range(count() if callable(count) else count))


def liteparse(path):
    import liteparse
    return liteparse.LiteParse(output_format="markdown", ocr_enabled=False).parse(str(path)).text


def kreuzberg(path):
    import kreuzberg
    return kreuzberg.extract_file_sync(str(path), config=kreuzberg.ExtractionConfig(output_format="markdown")).content


def markitdown(path):
    import markitdown
    return markitdown.MarkItDown().convert(str(path)).text_content


def pdftotext(path):
    return subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("target", type=pathlib.Path)
    arguments.add_argument("files", type=pathlib.Path, nargs="+")
    arguments.add_argument("--pages", action="store_true")
    options = arguments.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)

    def own(path):
        return subprocess.run([options.program, "process", "-q", "--offline", "--quality", "fast", "-f", "markdown", path], capture_output=True).stdout.decode()

    convert = globals().get(options.program, own)
    if convert is own and not options.pages:
        # As the others: one process reads all.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([pathlib.Path(options.program).resolve(), "process", "-q", "--offline", "--quality", "fast", "--duplicates", "off", "-f", "markdown", "-o", options.target.resolve(), *(path.name for path in options.files)],
                       cwd=options.files[0].parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = sum(after[:2]) - sum(before[:2])
        pages = [subprocess.run(["pdfinfo", path], capture_output=True).stdout.decode() for path in options.files]
        count = sum(int(line.split()[1]) for info in pages for line in info.splitlines() if line.startswith("Pages:"))
        print(f"{options.program}: {seconds:.2f} CPU s, {1000 * seconds / max(count, 1):.1f} ms a page of {count}")
        return
    used = lambda: sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    count, seconds = 0, 0.0
    with tempfile.TemporaryDirectory() as work:
        for path in options.files:
            jobs = [(path, options.target / f"{path.stem}.md")]
            if options.pages:
                subprocess.run(["pdfseparate", path, f"{work}/{path.stem}-p%d.pdf"], check=True)
                jobs = [(page, options.target / f"{page.stem}.md") for page in sorted(pathlib.Path(work).glob(f"{path.stem}-p*.pdf"))]
            for source, target in jobs:
                pages = subprocess.run(["pdfinfo", source], capture_output=True).stdout.decode()
                count += next((int(line.split()[1]) for line in pages.splitlines() if line.startswith("Pages:")), 0)
                before = used()
                try:
                    text = convert(source)
                except Exception as error:  # noqa: BLE001: one document that fails counts as empty
                    print(f"{options.program}: {source.name}: {error}", file=sys.stderr)
                    text = ""
                seconds += used() - before
                target.write_text(text or "")
    print(f"{options.program}: {seconds:.2f} CPU s, {1000 * seconds / max(count, 1):.1f} ms a page of {count}")


if __name__ == "__main__":
    main()
