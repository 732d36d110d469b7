#!/bin/sh
# What vectors of pages cost those who wait for pages: the time from the start of `pagestream process` to its last page on standard
# output, with vectors and without, in turns.
#
#   benches/embeddings.sh FOLDER [ROUNDS]        the program in target/release, the model installed (`pagestream models pull minilm-l6-v2`)
set -eu
folder=$1 rounds=${2:-7}
program=${PAGESTREAM:-target/release/pagestream}
exec python3 - "$program" "$folder" "$rounds" <<'PYTHON'
import os, signal, statistics, subprocess, sys, tempfile, time

program, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

def until_last_page(expected, *flags):
    with tempfile.TemporaryDirectory() as data:
        command = [program, "-q", "process", "--data-dir", data, "-f", "jsonl", "--quality", "fast", "--duplicates", "off", "--force", "--set", "cache.pages=0", *flags, folder]
        since, last, cpu, pages = time.monotonic(), None, None, 0
        running = subprocess.Popen(command, stdout=subprocess.PIPE)
        for _ in running.stdout:
            last, pages = time.monotonic() - since, pages + 1
            if pages == expected:
                with open(f"/proc/{running.pid}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                # What comes then is the rest of the vectors, which nobody waits for.
                running.send_signal(signal.SIGINT)
        assert running.wait() in (0, 1, 130) and last
        return last, cpu, pages

_, _, pages = until_last_page(None, "--no-embeddings")
walls, cpus = [], []
for turn in range(rounds):
    order = [("--no-embeddings",), ()]
    taken = {flags: until_last_page(pages, *flags) for flags in (order if turn % 2 else order[::-1])}
    without, with_vectors = (taken[flags] for flags in order)
    walls.append(with_vectors[0] / without[0])
    cpus.append(with_vectors[1] / without[1])
    print(f"{pages} pages: the last after {without[0]:.2f} s and {without[1]:.2f} CPU s without, "
          f"{with_vectors[0]:.2f} s and {with_vectors[1]:.2f} CPU s with vectors", flush=True)
for name, ratios in (("time", sorted(walls)), ("CPU time", sorted(cpus))):
    print(f"{name}: median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
PYTHON
