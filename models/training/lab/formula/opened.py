"""Which files latex and dvipng open to set our formulas: for bundle.sh, which packs them for a machine that has no TeX.

python -m lab.formula.opened OPENED.txt
"""
import os
import random
import re
import subprocess
import sys
from pathlib import Path

from . import generate, render

PATHS = re.compile(rb"(/(?:usr|etc|var)[^\s,)]+)")


def main():
    opened, known, run = set(), generate.real(), subprocess.run

    def watched(command, **options):
        options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": dict(os.environ, KPATHSEA_DEBUG="36")}
        done = run(command, **options)
        opened.update(p.decode() for p in PATHS.findall(done.stderr) if os.path.isfile(p))
        return done

    subprocess.run = watched
    for font in render.FONTS:
        if font in ("euler", "sans"):  # partly bitmaps, which Metafont makes for each resolution
            continue
        for number in range(3):
            rng = random.Random(number)
            sources = [render.settable(generate.choose(rng, known, False, False)[0]) for _ in range(generate.DOCUMENT)]
            print(font, len(render.render(sources, font, 110)), len(opened), flush=True)
    Path(sys.argv[1]).write_text("\n".join(sorted(opened)) + "\n")


if __name__ == "__main__":
    main()
