#!/usr/bin/env bash
# This program in its three qualities, RapidOCR and Tesseract on the same page images, in turns, with accuracy beside speed. Prints the Markdown
# table of BENCHMARKS.md.
#
#   benches/compare.sh                                   the pages of our own making in examples/data/pages
#   PAGESTREAM_CORPORA=… benches/compare.sh              and pages of old books, typewritten letters, a book of today
#
#   ROUNDS=3        times that each program reads all pages
#   PER_SOURCE=6    pages of each source of the corpora, evenly spaced; 0 for all
#   FROM=folder     these PNG files with their truth instead, a folder a source: benches/dense/make.py makes such
#   WITHOUT=accurate    leaves this quality out: where PP-OCRv6 cannot be had, say
#   PAGESTREAM_FLAGS=…   more flags for this program, such as `--device openvino`
#
# Everything that is installed for it goes into target/peers: a Python environment with RapidOCR. Tesseract comes from the
# system's packages: where it is missing, root installs it (apt-get), and anybody else is told to. Speeds are those of whole
# processes, their start included; each reads all pages in one process, but for Tesseract, which has one a page, as many at
# once as there are cores.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds="${ROUNDS:-3}"
peers="$PWD/target/peers"
python="$peers/venv/bin/python"
read -ra flags <<<"${PAGESTREAM_FLAGS:-}"

echo 'building and installing …' >&2
cargo build --release --quiet
if [[ ! -x "$python" ]]; then
    python3 -m venv "$peers/venv"
fi
"$peers/venv/bin/pip" install --quiet --disable-pip-version-check rapidocr==3.10.0 onnxruntime==1.31.1 pillow==13.0.0 pypdfium2==5.15.2
if ! tesseract --list-langs 2>/dev/null | grep -qx eng; then
    if [[ "$(id -u)" != 0 ]]; then
        echo 'compare.sh: Tesseract with English is missing, and only root can install it: apt-get install tesseract-ocr tesseract-ocr-eng' >&2
        exit 1
    fi
    apt-get install -qq -y --no-install-recommends tesseract-ocr tesseract-ocr-eng >/dev/null
fi

# The same pixels for everybody: every page as a PNG with its resolution, and its truth beside it.
pages="$peers/pages"
rm -rf "$pages" "$peers/texts"
if [[ -n "${FROM:-}" ]]; then
    cp -r "$FROM" "$pages"
else
    "$python" benches/compare/pages.py "$pages" "${PER_SOURCE:-6}" ${PAGESTREAM_CORPORA:+"$PAGESTREAM_CORPORA"}
fi

export OUT PAGES
PAGES="$pages"
run() { # NAME COMMAND…: one run, its figures on a line of runs.jsonl, its texts in a folder of its own
    local name="$1"
    shift
    OUT="$peers/texts/$name"
    mkdir -p "$OUT"
    echo "  $name" >&2
    "$python" benches/compare/measure.py run "$peers/runs.jsonl" "$name" "$@"
}
read_as() { # NAME QUALITY
    run "$1" target/release/pagestream process "$pages" --quality "$2" --ocr always -q -o "$peers/texts/$1" "${flags[@]}"
}
ours() { read_as pagestream balanced; }
ours_fast() { read_as pagestream-fast fast; }
ours_accurate() { read_as pagestream-accurate accurate; }
rapidocr() { run rapidocr "$python" benches/compare/rapidocr_pages.py; }
rapidocr_tuned() { run rapidocr-tuned "$python" benches/compare/rapidocr_pages.py --tuned; }
tesseract_pages() {
    # shellcheck disable=SC2016  # the inner shell puts the page in
    run tesseract env OMP_THREAD_LIMIT=1 sh -c \
        'find "$PAGES" -name "*.png" -print0 | xargs -0 -n 1 -P "$(nproc)" sh -c '\''tesseract "$0" "$OUT/$(basename "$0" .png)" 2>/dev/null'\'
}

rm -f "$peers"/*.json "$peers/runs.jsonl"
order=(ours rapidocr ours_fast tesseract_pages ours_accurate rapidocr_tuned)
[[ "${WITHOUT:-}" != accurate ]] || order=(ours rapidocr ours_fast tesseract_pages rapidocr_tuned)
for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    for program in "${order[@]}"; do "$program"; done
    order=("${order[@]:1}" "${order[0]}")
done

for texts in "$peers"/texts/*; do
    name="$(basename "$texts")"
    target/release/pagestream eval -q --json --truth "$pages" --texts "$peers/texts/$name" >"$peers/$name.json"
done
"$python" benches/compare/measure.py table "$peers" "$rounds" "$(tesseract --version 2>&1 | head -1)"
