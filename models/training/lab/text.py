"""What the lines say: prose, names in every language, numbers, codes, rulers and leaders, rare characters."""
import json
import random
import re
import unicodedata

from .config import FOREIGN, Alphabet, work_dir

LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
MARKS = ".,;:!?()[]{}<>/\\|@#$%^&*-_=+~`\"'"
QUOTES = ["''", '""', "‘’", "“”", "„“", "«»", "‹›", "()", "[]", "{}"]


class TextSource:
    def __init__(self, alphabet: Alphabet, rng: random.Random, split: str):
        self.rng, self.alphabet = rng, alphabet
        sources = json.loads((work_dir() / alphabet.name / "text.json").read_text())
        part = "train" if split == "train" else "held_out"
        self.prose = [(s["weight"], s[part]) for s in sources if "CLDR" not in s["name"]]
        self.names = next((s[part] for s in sources if "CLDR" in s["name"]), None) or self.prose[0][1]
        self.weights = [w for w, _ in self.prose]
        self.variants: dict[str, list[str]] = {}
        for c in alphabet.characters:
            base = unicodedata.normalize("NFD", c)[0]
            if base != c:
                self.variants.setdefault(base, []).append(c)
        self.rare = [c for c in alphabet.characters if ord(c) > 0xA0 and c != FOREIGN]

    def piece(self, n: int) -> str:
        """About n characters of text, whole words where there are words."""
        n, u = max(1, n), self.rng.random()
        if n <= 6 and self.rng.random() < 0.4:
            return self.page_number()
        # Random accents teach their shapes, but also that a speck over a letter is one: as few as the shapes need.
        if u < 0.05:
            text = self.with_formulas(self.excerpt(self.rng.choices(self.prose, self.weights)[0][1], n))
        elif u < 0.70:
            text = self.styled(self.excerpt(self.rng.choices(self.prose, self.weights)[0][1], n))
        elif u < 0.79:
            text = self.styled(self.excerpt(self.names, n))
        elif u < 0.805:
            text = self.accented(self.excerpt(self.rng.choices(self.prose, self.weights)[0][1], n))
        elif u < 0.88:
            text = self.numbers(n)
        elif u < 0.95:
            text = self.layout(n)
        else:
            text = self.scramble(n)
        return " ".join(text[:n].split())

    def page_number(self) -> str:
        r = self.rng
        number = str(r.randint(1, 10 ** r.choice((1, 2, 2, 3, 3))))
        return r.choice(["{}"] * 7 + ["-{}-", "- {} -", "[{}]", "({})", "{}.", "A-{}", "p. {}"]).format(number if r.random() < 0.85 else r.choice(["i", "ii", "iii", "iv", "v", "vi", "vii", "ix", "x", "xi", "xiv", "xx", "I", "II", "IV", "V", "X"]))

    def excerpt(self, paragraphs: list[str], n: int) -> str:
        r = self.rng
        p = r.choice(paragraphs)
        for _ in range(5):
            if len(p) >= n:
                break
            p += " " + r.choice(paragraphs)
        a = r.randint(0, max(0, len(p) - n))
        while 0 < a < len(p) and p[a - 1] != " ":
            a += 1
        text = p[a:a + n]
        if a + n < len(p) and p[a + n] != " " and " " in text and r.random() < 0.7:
            text = text[:text.rindex(" ")] if r.random() < 0.7 else text + "-"
        return text or p[:n]

    def styled(self, text: str) -> str:
        r, u = self.rng, self.rng.random()
        if u < 0.09:
            return text.upper()
        if u < 0.13:
            return text.title()
        if '"' in text and u < 0.6:
            text = re.sub(r'(^|[ (\[])"', r"\1“", text).replace('"', "”")
            return text.replace("'", "’") if r.random() < 0.7 else text
        if u < 0.22:  # typographic quotes and dashes instead of the typewriter's
            text = text.replace("'", "’").replace(" - ", r.choice([" – ", "—", " — "])).replace("--", "—")
            a, b = r.choice(QUOTES) if r.random() < 0.4 else "“”"
            words = text.split(" ")
            i = r.randrange(len(words))
            words[i] = a + words[i]
            j = r.randrange(i, len(words))
            words[j] += b
            return " ".join(words)
        return text

    def accented(self, text: str) -> str:
        share = self.rng.uniform(0.05, 0.4)
        return "".join(self.rng.choice(self.variants[c]) if c in self.variants and self.rng.random() < share else c for c in text)

    def with_formulas(self, text: str) -> str:
        """A sentence of a paper: small formulas and references between its words."""
        r = self.rng
        a, letter = lambda: r.choice(LOWER), lambda: r.choice(LOWER + LOWER + UPPER)
        kinds = (lambda: f"{letter()} = {r.randint(0, 99)}", lambda: f"{a()} + {a()} = {a()}", lambda: f"{a()} {r.choice('<>≤≥')} {r.randint(0, 99)}", lambda: f"{letter()}({a()}) = {r.randint(2, 9)}{a()} + {r.randint(1, 99)}",
                 lambda: f"({a()}, {a()})", lambda: f"{r.randint(2, 99)} {r.choice('×±−+')} {r.randint(2, 99)}", lambda: f"[{r.randint(1, 99)}]", lambda: f"{a()}{a()}", letter, lambda: f"{r.choice(('Fig.', 'Eq.', 'Table', 'Sec.', 'Section'))} {r.randint(1, 30)}")
        words = text.split(" ")
        for _ in range(max(1, len(words) // r.randint(3, 8))):
            words.insert(r.randint(0, len(words)), r.choice(kinds)())
        return " ".join(words)

    def numbers(self, n: int) -> str:
        r, out = self.rng, []
        while sum(map(len, out)) + len(out) < n:
            match r.randrange(12):
                case 0 | 1: out.append(str(r.randint(0, 10 ** r.randint(1, 7))))
                case 2: out.append(f"{r.uniform(0, 10 ** r.randint(0, 6)):,.{r.randint(1, 3)}f}")
                case 3: out.append(r.choice("$€£¥") + f"{r.uniform(0, 9999):,.2f}")
                case 4: out.append(f"{r.randint(1, 31):02d}{(s := r.choice('/-.'))}{r.randint(1, 12):02d}{s}{r.randint(1800, 2030)}")
                case 5: out.append(r.choice(["({})", "{}%", "[{}]", "{}.", "{})", "§{}", "№{}", "#{}", "{}°", "p. {}", "pp. {}–{}", "±{}", "{}:{}", "{}/{}", "{}th", "Fig. {}", "No. {}"]).format(r.randint(0, 199), r.randint(0, 199)))
                case 6: out.append("".join(r.choice(UPPER + "0123456789") for _ in range(r.randint(2, 10))))
                case 7: out.append(r.choice(["https://", "http://www.", "www.", ""]) + "".join(r.choice(LOWER) for _ in range(r.randint(3, 10))) + r.choice([".com", ".org", ".net/", ".edu/~", ".de", ".fr/"]) + "".join(r.choice(LOWER + "0123456789/_?=&.-") for _ in range(r.randint(0, 12))))
                case 8: out.append("".join(r.choice(LOWER) for _ in range(r.randint(3, 9))) + "@" + "".join(r.choice(LOWER) for _ in range(r.randint(3, 9))) + r.choice([".com", ".org", ".edu"]))
                case 9: out.append(r.choice("IVXLCDM") * r.randint(1, 3) + r.choice(["", ".", "V", "X", "I"]))
                case 10: out.append(r.choice(UPPER) + ". " + r.choice(UPPER) + "." )
                case 11: out.append(r.choice(["= ", "+ ", "× ", "− ", "< ", "> ", "≤ ", "≥ ", "→ ", ""]) + str(r.randint(0, 99)) + r.choice(["", r.choice(LOWER), "²", "³", "¹"]))
        return " ".join(out)

    def layout(self, n: int) -> str:
        """Rulers, dot leaders, list markers, form fields, quoted words, lone characters."""
        r, u = self.rng, self.rng.random()
        mark = r.choice("=-_*.~#+–—·")
        some = lambda share: self.excerpt(self.rng.choices(self.prose, self.weights)[0][1], max(3, int(n * share)))
        if u < 0.12:
            return mark * r.randint(2, 40)
        if u < 0.22:
            return " ".join([r.choice("*-_.=•")] * r.randint(2, 20))
        if u < 0.34:
            return some(0.4) + r.choice([" ", ""]) + mark * r.randint(3, 30)
        if u < 0.62:
            leader = r.choice([". ", ".", " .", " . ", "·"]) * r.randint(3, 24)
            return f"{some(0.45)} {leader} {r.randint(1, 600)}"
        if u < 0.72:
            return r.choice(["•", "*", "-", "–", "o", "·", "§", "¶", "†", "1.", "(a)", "a)", "—", "□", "[ ]", "[x]"]) + " " + some(1)
        if u < 0.82:
            a, b = r.choice(QUOTES)
            return " ".join(a + w + b if r.random() < 0.4 else w for w in some(1).split())
        if u < 0.92:
            return some(0.3) + ": " + "_" * r.randint(3, 20) + " " + some(0.2)
        return self.character()

    def character(self) -> str:
        while (c := self.rng.choice(self.alphabet.characters)) == FOREIGN:
            pass
        return c

    def scramble(self, n: int) -> str:
        """Letters and rare characters without any language, so that the shapes alone decide."""
        r, out = self.rng, []
        while sum(map(len, out)) + len(out) < n:
            length, u = r.randint(1, 8), r.random()
            if u < 0.4:
                out.append("".join(r.choice(self.rare if r.random() < 0.4 else LOWER + UPPER) for _ in range(length)))
            elif u < 0.7:
                out.append("".join(self.character() for _ in range(length)))
            else:
                out.append(r.choice(MARKS) + "".join(r.choice(LOWER) for _ in range(length)) + r.choice(MARKS))
        return " ".join(out)


class ForeignText:
    """Words of other scripts and symbols without a class, and the fonts that draw them."""

    OFTEN = ("ru", "ru", "uk", "bg", "sr", "el", "el", "el", "he", "ar", "fa", "hi", "th", "ka", "hy", "ja", "ko", "zh", "yue")
    EUROPEAN = re.compile("[\u0370-\u052f]")  # fonts of other scripts may lack our marks
    RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")

    def __init__(self, alphabet: Alphabet, rng: random.Random):
        path = work_dir() / alphabet.name / "foreign.json"
        if FOREIGN not in alphabet.characters or not path.exists():
            raise FileNotFoundError(path)
        self.rng, self.alphabet = rng, alphabet
        table = json.loads(path.read_text())
        self.words, self.fonts = table["words"], {path: set(cover) for path, cover in table["fonts"].items()}
        self.symbols = set(alphabet.table["foreign"]["symbols"])
        self.drawn_by: dict[str, list[str]] = {}

    def line(self, n: int) -> tuple[str, str] | None:
        """(text, font path) of about n characters in one of the languages."""
        r = self.rng
        language = r.choice(self.OFTEN if r.random() < 0.8 else list(self.words))
        words = self.words.get(language)
        if not words:
            return None
        if language not in self.drawn_by:
            needed = set("".join(words)) - set(self.alphabet.characters) - set(" ")
            self.drawn_by[language] = [path for path, cover in self.fonts.items() if len(needed & cover) > 0.9 * min(len(needed), 400)]
        fonts = self.drawn_by[language]
        if not fonts:
            return None
        path = r.choice(fonts)
        drawn = lambda w: all(c in self.fonts[path] or ord(c) < 127 or c in " \u200c\u200d" for c in w)
        out = ""
        while len(out) < n:
            word = r.choice(words)
            if self.RIGHT_TO_LEFT.search(word):  # what stands between such words is drawn elsewhere than it is written
                word = " ".join(re.sub("[!-~]+", " ", word).split())
            if drawn(word):
                out += " " + word + (r.choice((",", ".", ";", "")) if self.EUROPEAN.search(word) else "")
            elif r.random() < 0.05:
                return None
        out = out[1:n + 1].strip()
        return (out.upper() if r.random() < 0.15 else out, path) if out else None

    def mixed(self, text: str, path: str) -> str:
        """The text with some Greek letters, symbols or words among its own, as far as its font draws them."""
        r = self.rng
        symbols = sorted(self.symbols & self.fonts.get(path, set()))
        if not symbols:
            return text
        words = text.split(" ")
        for _ in range(r.choice((1, 1, 2, 3))):
            sign = "".join(r.choice(symbols) for _ in range(r.choice((1, 1, 1, 2))))
            sign = r.choice(("{}", "{}", "{}", "{}", "{}-", "({})", "{},", "{} =", "{}{}", "{}(x)", "-{}", "{}/2")).replace("{}", sign, 1).replace("{}", r.choice("0123456789xytnijk"))
            at = r.randrange(len(words) + 1)
            words[at:at + r.choice((0, 0, 1))] = [sign]
        return " ".join(words)
