"""Fetch fonts and texts with the ordinary package clients, check what the fonts cover, write fonts.json and text.json.

Debian packages are downloaded and unpacked below the work folder, never installed; npm packages carry TTF files.
"""
import gzip
import html
import json
import random
import re
import subprocess
from pathlib import Path

from fontTools.ttLib import TTFont

from .config import FOREIGN, Alphabet, arguments, work_dir

HELD_OUT_SHARE = 0.03  # of all paragraphs, kept for validation


def unpack_debian(package: str) -> Path:
    target = work_dir() / "packages" / package
    if not target.exists():
        folder = work_dir() / "packages"
        folder.mkdir(exist_ok=True)
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", package], cwd=folder, check=True)
        deb = max(folder.glob(f"{package}_*.deb"), key=lambda p: p.stat().st_mtime)
        subprocess.run(["dpkg", "-x", deb.name, f"{package}.part"], cwd=folder, check=True)
        deb.unlink()
        (folder / f"{package}.part").rename(target)
    return target


def unpack_npm(package: str) -> Path:
    target = work_dir() / "packages" / package.replace("/", "_")
    if not target.exists():
        folder = work_dir() / "packages"
        packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
        part = folder / (target.name + ".part")
        part.mkdir(exist_ok=True)
        archive = folder / packed.stdout.strip().splitlines()[-1]
        subprocess.run(["tar", "xf", archive, "-C", part], check=True)
        archive.unlink()
        part.rename(target)
    return target


# --- fonts ---------------------------------------------------------------------------------------------------------

def covered(path: Path, wanted: set[str], plain: str = "aezAEZ059.,") -> str | None:
    """The wanted characters this font draws, or None if it cannot be read or lacks plain letters."""
    try:
        font = TTFont(path, lazy=True, fontNumber=0)
        cmap = font.getBestCmap()
    except Exception:
        return None
    if not cmap or not all(ord(c) in cmap for c in plain):
        return None
    return "".join(sorted(c for c in wanted if ord(c) in cmap))


def prepare_foreign(alphabet: Alphabet, fonts: list[dict]) -> dict:
    """Other scripts: words by language, and which fonts draw which of their characters (the alphabet's own, too, where they can)."""
    from babel import Locale, localedata
    own = set(alphabet.characters) | set(alphabet.read_as) | {" "}
    words = {}
    for name in sorted(localedata.locale_identifiers()):
        if "_" in name:
            continue
        locale = Locale.parse(name)
        listed = {str(w) for w in (*locale.languages.values(), *locale.territories.values(), *locale.currencies.values())}
        strange = sorted(w for w in listed if sum(c not in own for c in w) > 0.6 * len(w))
        if len(strange) > 60:
            words[name] = strange
    table = alphabet.table["foreign"]
    wanted = set(table["symbols"]).union(*(set("".join(w)) for w in words.values())) - own
    named = re.compile(table["files"])
    files = [(f["path"], None) for f in fonts if not f["held_out"]]
    for package in alphabet.table["fonts"]["foreign"]:
        root = unpack_debian(package)
        files += [(str(f.relative_to(work_dir())), package) for f in sorted(root.rglob("*")) if f.suffix in (".ttf", ".otf", ".ttc") and named.match(f.stem)]
    covers = {}
    for path, _ in files:
        cover = covered(work_dir() / path, wanted, plain="")
        if cover and len(cover) > 20:
            covers[path] = cover
    print(f"other scripts: {len(words)} languages, {len(covers)} fonts")
    return dict(words=words, fonts=covers)


def prepare_fonts(alphabet: Alphabet) -> list[dict]:
    """One entry a font file: path, family (its package), coverage, weight within the family, held out or not."""
    table = alphabet.table["fonts"]
    skip = re.compile(table["skip"], re.I)
    wanted = (set(alphabet.characters) | set(alphabet.read_as)) - {FOREIGN}
    fonts = []
    for source, unpack in (("debian", unpack_debian), ("npm", unpack_npm)):
        for package in table.get(source, {}):
            root = unpack(package)
            files = sorted(f for f in root.rglob("*") if f.suffix.lower() in (".ttf", ".otf") and f.is_file() and not f.is_symlink())
            kept, seen = [], set()
            for f in files:
                if skip.search(f.name) or f.stem in seen:
                    continue
                if package == "fonts-noto-core" and not re.match(r"Noto(Sans|Serif|SansDisplay|SerifDisplay)-", f.name):
                    continue
                cover = covered(f, wanted)
                if cover:
                    seen.add(f.stem)
                    kept.append(dict(path=str(f.relative_to(work_dir())), family=package, covers=cover))
            typewriter = re.compile(table["typewriter"], re.I)
            for k in kept:
                plain = 3.0 if package in table["plain"] else 1.0
                k["weight"] = plain / len(kept)
                k["typewriter"] = bool(typewriter.search(Path(k["path"]).name))
                k["held_out"] = package in table["held_out"]
            fonts += kept
            print(f"{package}: {len(kept)} of {len(files)} fonts")
    return fonts


# --- texts ---------------------------------------------------------------------------------------------------------

TAG_BREAK = re.compile(r"(?i)</?(p|div|li|h\d|tr|br|pre|dt|dd|table|ul|ol|td)[^>]*>")


def html_paragraphs(root: Path, limit: int = 9_000_000):
    files = sorted(root.rglob("*.html"))
    random.Random(1).shuffle(files)
    total = 0
    for f in files:
        if total > limit or f.stat().st_size > 900_000 or f.is_symlink():
            continue
        raw = f.read_text(encoding="utf-8", errors="ignore")
        raw = re.sub(r"(?is)<(script|style|head|nav|svg).*?</\1>", " ", raw)
        raw = re.sub(r"<[^>]+>", "", TAG_BREAK.sub("\n\n", raw))
        total += len(raw)
        yield from re.split(r"\n\s*\n", html.unescape(raw))


def dict_paragraphs(root: Path):
    for f in sorted(root.rglob("*.dict.dz")):
        text = gzip.decompress(f.read_bytes()).decode("utf-8", "ignore")
        yield from re.split(r"\n\s*\n|\n(?=\S)", text)


def bible_paragraphs(roots: list[Path]):
    """The package keeps the text in zlib chunks behind its own header; the reader program prints it."""
    program = next(p for r in roots for p in r.rglob("bible") if p.is_file())
    data = next(p for r in roots for p in r.rglob("bible.data") if p.is_file())
    printed = subprocess.run([program, "-f", "-p", str(data.parent), "gen1:1-rev22:21"], capture_output=True, text=True).stdout
    for verse in printed.splitlines():
        yield verse.split(" ", 1)[-1] if random.random() < 0.7 else verse


def cldr_paragraphs(alphabet: Alphabet):
    """Names and dates in every language of the alphabet; Babel carries the CLDR tables."""
    from babel import Locale, localedata
    ok = set(alphabet.characters) | {" "}
    for name in sorted(localedata.locale_identifiers()):
        if "_" in name:
            continue
        locale = Locale.parse(name)
        words = [*locale.languages.values(), *locale.territories.values(), *locale.currencies.values()]
        for width in locale.months["format"].values():
            words += width.values()
        for width in locale.days["format"].values():
            words += width.values()
        for patterns in locale._data["unit_patterns"].values():
            for p in patterns.values():
                words += [str(v).replace("{0}", "12") for v in (p.values() if isinstance(p, dict) else [p]) if isinstance(v, str)]
        words = [w for w in map(str, words) if w and all(c in ok for c in w)]
        if len(words) < 100:
            continue
        shuffle = random.Random(name)
        shuffle.shuffle(words)
        while words:
            n = shuffle.randint(4, 14)
            yield shuffle.choice([", ", " ", "; "]).join(words[:n])
            words = words[n:]


def prepare_texts(alphabet: Alphabet) -> list[dict]:
    ok = set(alphabet.characters) | set(alphabet.read_as) | {" "}
    out = []
    for source in alphabet.table["texts"]:
        roots = [unpack_debian(p) for p in source.get("debian", [])]
        match source["kind"]:
            case "html":
                raw = (p for r in roots for p in html_paragraphs(r))
            case "dict":
                raw = (p for r in roots for p in dict_paragraphs(r))
            case "bible":
                raw = bible_paragraphs(roots)
            case "cldr":
                raw = cldr_paragraphs(alphabet)
        paragraphs = {}
        for p in raw:
            p = re.sub(r"\s+", " ", p.replace("\u00ad", "").replace("\u200b", "").replace("¶", "")).strip()
            strange = sum(c not in ok for c in p)
            if len(p) > 12 and strange <= 0.02 * len(p):
                paragraphs["".join(c for c in p if c in ok)] = None
        paragraphs = list(paragraphs)
        random.Random(7).shuffle(paragraphs)
        held = int(len(paragraphs) * HELD_OUT_SHARE)
        out.append(dict(name=source["name"], weight=source["weight"], train=paragraphs[held:], held_out=paragraphs[:held]))
        print(f"{source['name']}: {len(paragraphs)} paragraphs, {sum(map(len, paragraphs))} characters")
    return out


def main():
    parser = arguments(__doc__)
    alphabet = Alphabet.load(parser.parse_args().alphabet)
    random.seed(1)
    folder = work_dir() / alphabet.name
    folder.mkdir(exist_ok=True)
    fonts = prepare_fonts(alphabet)
    (folder / "fonts.json").write_text(json.dumps(fonts, ensure_ascii=False))
    if FOREIGN in alphabet.characters:
        (folder / "foreign.json").write_text(json.dumps(prepare_foreign(alphabet, fonts), ensure_ascii=False))
    (folder / "text.json").write_text(json.dumps(prepare_texts(alphabet), ensure_ascii=False))


if __name__ == "__main__":
    main()
