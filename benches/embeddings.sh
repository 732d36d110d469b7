#!/bin/sh
# What vectors of pages cost those who wait for pages: the time from the start of `pagestream process` to its last page on standard
# output, with vectors and without, in turns. A document is submitted when the one before is out, so that the embedder has gaps to use.
#
#   benches/embeddings.sh FOLDER [ROUNDS]        the program in target/release, the model installed (`pagestream models pull minilm-l6-v2`)
set -eu
folder=$1 rounds=${2:-7}
program=${PAGESTREAM:-target/release/pagestream}
exec python3 - "$program" "$folder" "$rounds" <<'PYTHON'
import statistics, subprocess, sys, tempfile, time

program, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

def until_last_page(*flags):
    with tempfile.TemporaryDirectory() as data:
        command = [program, "-q", "process", "--data-dir", data, "-f", "jsonl", "--quality", "fast", *flags, folder]
        since, last, pages = time.monotonic(), None, 0
        running = subprocess.Popen(command, stdout=subprocess.PIPE)
        for _ in running.stdout:
            last, pages = time.monotonic() - since, pages + 1
        assert running.wait() in (0, 1) and last
        return last, time.monotonic() - since, pages

ratios, whole = [], []
until_last_page("--no-embeddings")
for turn in range(rounds):
    order = [("--no-embeddings",), ()]
    taken = {flags: until_last_page(*flags) for flags in (order if turn % 2 else order[::-1])}
    without, with_vectors = taken[order[0]], taken[order[1]]
    ratios.append(with_vectors[0] / without[0])
    whole.append(with_vectors[1])
    print(f"{without[2]} pages: last page after {without[0]:.2f} s without, {with_vectors[0]:.2f} s with vectors, "
          f"which were all there after {with_vectors[1]:.2f} s", flush=True)
ratios.sort()
print(f"ratio: median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
PYTHON
