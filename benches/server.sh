#!/usr/bin/env bash
# What `pagestream serve` promises, measured and tried.
#
#   benches/server.sh load             200 streams, 50 uploads and small requests beside OCR; 1,000 readers of one document (server/load.py)
#   benches/server.sh fuzz [SECONDS]   requests that are nearly right, for ten minutes (server/fuzz.py); SEED=N for the same again
#   benches/server.sh description      schemathesis against /openapi.json, promtool against /metrics
#
# Each starts a server of its own on loopback and ends with another code than 0 where a promise is broken. Needs Python 3.11; `description` needs
# promtool (apt-get install prometheus). Python's packages go into target/server. PAGESTREAM names another program.
set -euo pipefail
cd "$(dirname "$0")/.."
what="${1:-load}"
program="${PAGESTREAM:-target/release/pagestream}"
[[ -n "${PAGESTREAM:-}" ]] || cargo build --release --features server --quiet
mkdir -p target/server
work="$(mktemp -d)"
server=
trap '[[ -z "$server" ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

start() {
    RUST_BACKTRACE=1 "$program" serve --bind 127.0.0.1:0 --offline --set server.rate=0 --set embeddings.mode=never --data-dir "$work/data" 2>"$work/log" &
    server=$!
    url=
    until url="$(sed -n 's/^listening on //p' "$work/log")" && [[ -n "$url" ]]; do
        kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
}

python() {
    local packages=target/server/venv
    [[ -x "$packages/bin/python" ]] || python3 -m venv "$packages"
    "$packages/bin/pip" install --quiet --disable-pip-version-check "$1"
    shift
    "$packages/bin/$1" "${@:2}"
}

case "$what" in
load)
    grep -m1 'model name' /proc/cpuinfo
    grep -qw avx512_vnni /proc/cpuinfo && echo 'AVX-512 VNNI' || echo 'no AVX-512 VNNI'
    # More than a thousand streams at both ends.
    ulimit -n 4096
    start
    python pillow==13.0.0 python benches/server/load.py tails "$url" "$server"
    python pillow==13.0.0 python benches/server/load.py fan-out "$url" "$server"
    ;;
fuzz)
    start
    python3 benches/server/fuzz.py "$url" "$server" "$work/log" "${2:-600}" ${SEED:+"$SEED"}
    ;;
description)
    command -v promtool >/dev/null || { echo 'server.sh: promtool is missing: apt-get install prometheus' >&2; exit 1; }
    start
    # Something to be asked about.
    curl --silent --fail --output /dev/null -F file=@examples/data/sample.pdf "$url/v1/documents"
    curl --silent --fail "$url/metrics" | promtool check metrics
    echo 'promtool: nothing amiss'
    python schemathesis==4.32.5 schemathesis --config-file benches/server/schemathesis.toml run "$url/openapi.json" --checks all --continue-on-failure \
        --max-time 180 --request-timeout 10 --suppress-health-check all
    ;;
*)
    echo "server.sh: load, fuzz or description" >&2
    exit 1
    ;;
esac
