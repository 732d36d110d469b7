"""Where things lie, and the alphabet: classes, fonts, texts. Every step takes --alphabet and reads it through here."""
import argparse
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLANK, SPACE, FIRST = 0, 1, 2  # CTC blank, space, first character
FOREIGN = "\ufffd"  # stands for a run of characters of another script, in alphabets that list it


def work_dir() -> Path:
    """Data, checkpoints and logs; never committed."""
    path = Path(os.environ.get("LAB_WORK", ROOT / ".work"))
    path.mkdir(parents=True, exist_ok=True)
    return path


@dataclass(frozen=True)
class Alphabet:
    name: str
    characters: str
    read_as: dict[str, str]
    table: dict  # the whole file

    @classmethod
    def load(cls, name: str) -> "Alphabet":
        table = tomllib.loads((ROOT / "alphabets" / f"{name}.toml").read_text(encoding="utf-8"))
        characters = "".join(table["characters"]["groups"])
        assert len(set(characters)) == len(characters), "a character is listed twice"
        return cls(name, characters, table["characters"].get("read_as", {}), table)

    @property
    def classes(self) -> int:
        return FIRST + len(self.characters)

    def encode(self, text: str) -> list[int]:
        index = self._index()
        return [SPACE if c == " " else index[c] for c in text]

    def decode(self, classes) -> str:
        """Classes of one line, best path: repeats merged, blanks dropped."""
        out, last = [], BLANK
        for c in classes:
            if c != last and c != BLANK:
                out.append(" " if c == SPACE else self.characters[c - FIRST])
            last = c
        return "".join(out)

    def label(self, drawn: str) -> str:
        """What the reader should say for what the page shows."""
        known = "".join(self.read_as.get(c, c) for c in drawn)
        return re.sub(f"[^ {re.escape(self.characters)}]+", FOREIGN, known) if FOREIGN in self.characters else known

    def _index(self) -> dict[str, int]:
        index = self.__dict__.get("_cached_index")
        if index is None:
            index = {c: FIRST + i for i, c in enumerate(self.characters)}
            self.__dict__["_cached_index"] = index
        return index


def arguments(doc: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alphabet", default="latin")
    return parser
