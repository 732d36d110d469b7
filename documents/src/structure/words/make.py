"""Makes words-en.zz: `make.py OUT LIST...`, of lists with a word a line (Debian's wamerican-large and wbritish-large, which are SCOWL's).

Words of three and more small letters, sorted; of each the number of letters that it shares with the word before (as a character from '0' on; none
for every 64th word, where a search begins) and the rest, a word a line; deflated."""

import re
import sys
import zlib

words = sorted({word for path in sys.argv[2:] for word in open(path, encoding="utf-8").read().split() if re.fullmatch("[a-z]{3,}", word)})
lines, before = [], ""
for at, word in enumerate(words):
    shared = 0
    while at % 64 and shared < min(len(before), len(word), 40) and before[shared] == word[shared]:
        shared += 1
    lines.append(chr(48 + shared) + word[shared:])
    before = word
open(sys.argv[1], "wb").write(zlib.compress("\n".join(lines).encode(), 9))
print(len(words), "words")
