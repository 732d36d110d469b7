#!/bin/sh
# What vectors of pages cost those who wait for pages: the time from the start of `pagestream process` to its last page on standard
# output, with vectors and without, in turns.
#
#   benches/embeddings.sh FOLDER [ROUNDS]        the program in target/release, the model installed (`pagestream models pull minilm-l6-v2`)
set -eu
folder=$1 rounds=${2:-7}
program=${PAGESTREAM:-target/release/pagestream}
exec python3 - "$program" "$folder" "$rounds" <<'PYTHON'
import signal, statistics, subprocess, sys, tempfile, time

program, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

def until_last_page(expected, *flags):
    with tempfile.TemporaryDirectory() as data:
        command = [program, "-q", "process", "--data-dir", data, "-f", "jsonl", "--quality", "fast", *flags, folder]
        since, last, pages = time.monotonic(), None, 0
        running = subprocess.Popen(command, stdout=subprocess.PIPE)
        for _ in running.stdout:
            last, pages = time.monotonic() - since, pages + 1
            if pages == expected:
                # What comes then is the rest of the vectors, which nobody waits for.
                running.send_signal(signal.SIGINT)
        assert running.wait() in (0, 1, 130) and last
        return last, pages

_, pages = until_last_page(None, "--no-embeddings")
ratios = []
for turn in range(rounds):
    order = [("--no-embeddings",), ()]
    taken = {flags: until_last_page(pages, *flags)[0] for flags in (order if turn % 2 else order[::-1])}
    without, with_vectors = (taken[flags] for flags in order)
    ratios.append(with_vectors / without)
    print(f"{pages} pages: the last after {without:.2f} s without, {with_vectors:.2f} s with vectors", flush=True)
ratios.sort()
print(f"ratio: median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
PYTHON
