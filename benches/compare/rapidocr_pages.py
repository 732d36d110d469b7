"""rapidocr_pages.py [--tuned]: RapidOCR reads all pages below $PAGES and writes their texts into $OUT.

As shipped: `RapidOCR()` without any argument. Tuned: detection at 960 pixels on the longer side, and no classifier of
lines that stand on their heads, which turns good ones over. Lines are written in the order in which RapidOCR gives them.
"""

import os
import pathlib
import sys

from rapidocr import RapidOCR

TUNED = {"Det.limit_side_len": 960, "Det.limit_type": "max", "Global.use_cls": False}

engine = RapidOCR(params={"Global.log_level": "error", **(TUNED if "--tuned" in sys.argv else {})})
for page in sorted(pathlib.Path(os.environ["PAGES"]).rglob("*.png")):
    lines = engine(str(page)).txts or ()
    (pathlib.Path(os.environ["OUT"]) / f"{page.stem}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
