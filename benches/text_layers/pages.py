"""pages.py PROGRAM FILE MOST_PAGES [WORK]: the text of a document's pages as a JSON list, as PROGRAM reads it."""

import json
import os
import subprocess
import sys


def pdftotext(file, most):
    text = subprocess.run(["pdftotext", "-q", "-l", str(most), "-enc", "UTF-8", file, "-"], capture_output=True, check=True)
    return text.stdout.decode(errors="replace").split("\f")[:-1]


def pdfium(file, most):
    import pypdfium2

    document = pypdfium2.PdfDocument(file)
    return [document[n].get_textpage().get_text_range() for n in range(min(len(document), most))]


def mupdf(file, most):
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    document = pymupdf.open(file)
    return [document[n].get_text("text") for n in range(min(document.page_count, most))]


def pagestream(file, most):
    # Text layers alone, also those that are doubted: what is compared is how they are read.
    command = [os.environ["PAGESTREAM"], "process", "--ocr", "never", "--quality", "fast", "--offline", "-q", "-f", "jsonl"]
    run = subprocess.run([*command, "--pages", f"1-{most}", file], capture_output=True)
    records = [json.loads(line) for line in run.stdout.decode().splitlines()]
    pages = {record["page"]: record.get("text") or "" for record in records if record.get("page")}
    return [pages.get(page, "") for page in range(1, max(pages, default=0) + 1)]


def main():
    program, file, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pages = {"pdftotext": pdftotext, "pdfium": pdfium, "mupdf": mupdf, "pagestream": pagestream}[program](file, most)
    # What cannot be UTF-8 (half a pair of UTF-16) is as good as unknown.
    sys.stdout.buffer.write(json.dumps(pages, ensure_ascii=False).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
