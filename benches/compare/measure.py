"""measure.py run FILE NAME COMMAND…: runs a command and adds what it used to FILE, a JSON object a line.
measure.py table FOLDER ROUNDS TESSERACT: the table of all runs, from FOLDER/runs.jsonl and the evaluations beside it."""

import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

TITLES = {
    "pagestream": "pagestream (balanced, the default)",
    "pagestream-fast": "pagestream --quality fast",
    "pagestream-accurate": "pagestream --quality accurate",
    "rapidocr": "RapidOCR 3.10.0 as shipped",
    "rapidocr-tuned": "RapidOCR 3.10.0, detection at 960, no classifier",
    "tesseract": "Tesseract, a process a core",
}


def run(file, name, command):
    since = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # Its own CPU time and that of all it waited for; the peak of the largest process among them.
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - since
    if status:
        sys.exit(f"{name} failed: {' '.join(command)}")
    figures = {"name": name, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}
    with open(file, "a", encoding="utf-8") as out:
        out.write(json.dumps(figures) + "\n")


def table(folder, rounds, tesseract):
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    titles = {name: title for name, title in TITLES.items() if (folder / f"{name}.json").exists()}
    reports = {name: json.loads((folder / f"{name}.json").read_text()) for name in titles}
    ours = reports["pagestream"]
    pages, sources = ours["overall"]["pages"], [source["source"] for source in ours["sources"]]
    median = {
        name: {key: statistics.median(r[key] for r in runs if r["name"] == name) for key in ("wall", "cpu", "peak_mib")}
        for name in titles
    }
    counts = ", ".join(f"{source['pages']} {source['source']}" for source in ours["sources"])
    print(f"{datetime.date.today()}: {pages} pages ({counts}), {rounds} rounds in turns, {os.cpu_count()} cores, {tesseract}\n")
    heads = ["program", "pages/s", "we are", "CPU s a page", "we are", "largest process, MiB"]
    heads += [f"CER {source}" for source in sources] + ["CER all", "recall all"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for name, title in titles.items():
        title = title.replace("Tesseract", tesseract.capitalize())
        used, report, we = median[name], reports[name], median["pagestream"]
        by_source = {source["source"]: source for source in report["sources"]}
        ratio = lambda key: "" if name == "pagestream" else f"{used[key] / we[key]:.1f} x"
        cells = [title, f"{pages / used['wall']:.2f}", ratio("wall"), f"{used['cpu'] / pages:.3f}", ratio("cpu")]
        cells += [f"{used['peak_mib']:.0f}"]
        cells += [f"{by_source[source]['cer']['median']:.4f}" for source in sources]
        cells += [f"{report['overall']['cer'][key]:.4f}" for key in ("median",)]
        cells += [f"{report['overall']['recall']['median']:.4f}"]
        print("| " + " | ".join(cells) + " |")
    print("\nSpeeds are medians over the rounds, CER and recall medians over the pages.")
    for name, title in titles.items():
        total = reports[name]["overall"]["cer"]
        print(f"All pages as one, {title}: CER {total['total']:.4f}; worst {total['worst_page']} ({total['worst']:.4f}).")


if sys.argv[1] == "run":
    run(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    table(pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
