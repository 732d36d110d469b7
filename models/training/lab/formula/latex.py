"""THE CONTRACT for labels: LaTeX -> canonical tokens (one spelling for each look), the grammar that canonical tokens obey, and LaTeX from them.

Three parts that know nothing of one another's insides:
- `canonical(source)` reads LaTeX as people write it and gives tokens of the vocabulary, or raises `Unsupported`.
- `Grammar` follows tokens one at a time and says which may come next: a decoder that obeys it always ends with a formula that parses.
- `dress(tokens)` writes LaTeX for people: braces, growing delimiters, wide accents, alignment.

`canonical(dress(t)) == t` for every t that canonical gives.
"""
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = tomllib.loads((ROOT / "alphabets" / "formula.toml").read_text(encoding="utf-8"))
CLASSES = {name: tokens.split() for name, tokens in TABLE["tokens"].items()}
END, START = 0, 1
VOCABULARY = ["<end>", "<start>"] + [t for tokens in CLASSES.values() for t in tokens]
INDEX = {t: i for i, t in enumerate(VOCABULARY)}
assert len(INDEX) == len(VOCABULARY), "a token is listed twice"

ONE, TWO, FONTS = set(CLASSES["one"]), set(CLASSES["two"]), set(CLASSES["fonts"])
LETTERS, DIGITS, GREEK, RELATIONS = (set(CLASSES[n]) for n in ("letters", "digits", "greek", "relations"))
FUNCTIONS = set(CLASSES["functions"])
LEAVES = {t for n in ("letters", "digits", "greek", "signs", "relations", "binary", "delimiters", "punctuation", "large", "functions") for t in CLASSES[n]}
FONTABLE = LETTERS | DIGITS | GREEK | {r"\nabla", r"\partial", r"\ell"}


class Unsupported(Exception):
    """LaTeX that the vocabulary cannot say, or that is not LaTeX."""


# ---------------------------------------------------------------- LaTeX -> tree

SAME = {
    r"\to": r"\rightarrow", r"\gets": r"\leftarrow", r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq", r"\lbrace": r"\{", r"\rbrace": r"\}",
    r"\vert": "|", r"\mid": "|", r"\lvert": "|", r"\rvert": "|", r"\mvert": "|", r"\Vert": r"\|", r"\lVert": r"\|", r"\rVert": r"\|",
    r"\parallel": r"\|", r"\ast": "*", r"\lbrack": "[", r"\rbrack": "]", r"\dots": r"\ldots", r"\dotsc": r"\ldots", r"\dotso": r"\ldots",
    r"\dotsb": r"\cdots", r"\dotsm": r"\cdots", r"\dotsi": r"\cdots", r"\land": r"\wedge", r"\lor": r"\vee", r"\lnot": r"\neg", r"\dag": r"\dagger",
    r"\ddag": r"\ddagger", r"\colon": ":", r"\cdotp": r"\cdot", r"\centerdot": r"\cdot", r"\slash": "/", r"\owns": r"\ni", r"\Box": r"\square", r"\hslash": r"\hbar",
    r"\backslash": r"\setminus", r"\smallsetminus": r"\setminus", r"\iff": r"\Longleftrightarrow", r"\implies": r"\Longrightarrow",
    r"\impliedby": r"\Longleftarrow", r"\thickapprox": r"\approx", r"\thicksim": r"\sim", r"\eqsim": r"\simeq", r"\lt": "<", r"\gt": ">",
    r"\sp": "^", r"\sb": "_", r"\intop": r"\int", r"\ointop": r"\oint", r"\bigtriangleup": r"\triangle", r"\vartriangle": r"\triangle", r"\lozenge": r"\Diamond",
    r"\dotplus": "+", r"\AA": None, r"\infin": r"\infty", r"\rightleftarrows": r"\rightleftharpoons", r"\leadsto": r"\rightsquigarrow",
    r"\vartriangleleft": r"\triangleleft", r"\vartriangleright": r"\triangleright", r"\lhd": r"\triangleleft", r"\rhd": r"\triangleright",
    r"\eqqcolon": None, r"\l": None, r"\varlimsup": r"\limsup", r"\varliminf": r"\liminf", r"\longhookrightarrow": r"\hookrightarrow",
    r"\bigstar": r"\star", r"\circledast": r"\odot", r"\blacksquare": r"\square", r"\invneg": r"\neg", r"\varUpsilon": r"\Upsilon",
    r"\varGamma": r"\Gamma", r"\varDelta": r"\Delta", r"\varTheta": r"\Theta", r"\varLambda": r"\Lambda", r"\varXi": r"\Xi", r"\varPi": r"\Pi",
    r"\varSigma": r"\Sigma", r"\varPhi": r"\Phi", r"\varPsi": r"\Psi", r"\varOmega": r"\Omega", r"\thetasym": r"\vartheta", r"\vdot": r"\cdot",
    "−": "-", "′": r"\prime", r"\lgroup": "(", r"\rgroup": ")", r"\lll": r"\ll", r"\leqq": r"\leqslant", r"\geqq": r"\geqslant",
    r"\restriction": r"\lrcorner", r"\eth": None, r"\doublecap": None, r"\varPropto": r"\propto", r"\varpropto": r"\propto", r"\shortmid": "|", r"\shortparallel": r"\|",
}
NEGATED = {"=": r"\neq", r"\in": r"\notin", r"\exists": r"\nexists"}
NOT = {r"\nmid": "|", r"\nsubseteq": r"\subseteq", r"\nsupseteq": r"\supseteq", r"\nparallel": r"\|", r"\nleq": r"\leq", r"\ngeq": r"\geq", r"\nless": "<", r"\ngtr": ">",
       r"\nsim": r"\sim", r"\ncong": r"\cong", r"\nrightarrow": r"\rightarrow", r"\nvdash": r"\vdash", r"\nprec": r"\prec", r"\nsucc": r"\succ", r"\nleftarrow": r"\leftarrow"}
NEGATABLE = RELATIONS | {"|", r"\|"}
ACCENTS = {r"\widehat": r"\hat", r"\widetilde": r"\tilde", r"\overline": r"\bar", r"\overrightarrow": r"\vec", r"\widecheck": r"\check", r"\underbar": r"\underline", r"\wideparen": r"\breve",
           r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\dbinom": r"\binom", r"\tbinom": r"\binom", r"\stackrel": r"\overset", r"\fbox": r"\boxed"}
FONT = {r"\mathbf": r"\mathbf", r"\mathcal": r"\mathcal", r"\mathscr": r"\mathcal", r"\mathbb": r"\mathbb", r"\Bbb": r"\mathbb", r"\mathbbm": r"\mathbb", r"\mathds": r"\mathbb", r"\mathfrak": r"\mathfrak",
        r"\frak": r"\mathfrak", r"\mathsf": r"\mathsf", r"\boldsymbol": r"\boldsymbol", r"\bm": r"\boldsymbol", r"\pmb": r"\boldsymbol", r"\mathrm": r"\mathrm",
        r"\mathtt": r"\mathrm", r"\mathit": "", r"\mathnormal": "", r"\operatorname": r"\mathrm", r"\mathup": r"\mathrm", r"\symbf": r"\boldsymbol"}
SWITCH = {r"\bf": r"\mathbf", r"\cal": r"\mathcal", r"\rm": r"\mathrm", r"\it": "", r"\sf": r"\mathsf", r"\tt": r"\mathrm", r"\mit": "", r"\boldmath": r"\boldsymbol", r"\sl": "", r"\em": "",
          r"\bfseries": r"\mathbf", r"\rmfamily": r"\mathrm", r"\itshape": "", r"\scr": r"\mathcal", r"\oldstyle": ""}
TEXT = {r"\text", r"\textrm", r"\mbox", r"\hbox", r"\textnormal", r"\intertext", r"\textup"}
STYLED = {r"\textbf": r"\mathbf", r"\textit": "", r"\textsf": r"\mathsf", r"\texttt": r"\mathrm", r"\emph": "", r"\textsl": "", r"\textsc": r"\mathrm"}
SPACES = set(r"\, \; \: \! \> \  \/ ~ \quad \qquad \thinspace \medspace \thickspace \negthinspace \negmedspace \enspace \enskip \hfill \hfil \space \null \nobreakspace".split(" ")) | {"\\ ", "\\\n"}
NOTHING = set(r"""\displaystyle \textstyle \scriptstyle \scriptscriptstyle \limits \nolimits \relax \nonumber \notag \protect \strut \mathstrut \big \Big \bigg \Bigg
 \bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl \Biggr \bigm \Bigm \biggm \Biggm \allowbreak \nobreak \break \hline \noindent \left \right \middle \mathop \mathrel \mathbin \mathord \mathopen \mathclose
 \mathpunct \mathinner \ensuremath \small \normalsize \large \footnotesize \tiny \scriptsize \Large \LARGE \huge \displaylimits \smallskip \medskip \bigskip \centering \null \unboldmath \vcenter \smash \hss \upshape \goodbreak \mathchoice \par""".split())
DROPPED = {r"\label": 1, r"\ref": 1, r"\hspace": 1, r"\vspace": 1, r"\phantom": 1, r"\vphantom": 1, r"\hphantom": 1, r"\color": 1, r"\cite": 1, r"\eqref": 1, r"\noalign": 1, r"\setlength": 2, r"\mspace": 1,
           r"\hspace*": 1, r"\renewcommand": 2, r"\addtocounter": 2, r"\setcounter": 2, r"\arraycolsep": 0, r"\allowdisplaybreaks": 0}
LENGTHS = {r"\hskip", r"\kern", r"\mskip", r"\mkern", r"\vskip"}
MATRICES = {"matrix": None, "smallmatrix": None, "array": None, "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "Bmatrix": (r"\{", r"\}"), "vmatrix": ("|", "|"), "Vmatrix": (r"\|", r"\|"),
            "cases": (r"\{", None), "dcases": (r"\{", None), "rcases": (None, r"\}"), "psmallmatrix": ("(", ")"), "bsmallmatrix": ("[", "]"), "tabular": None, "subarray": None}
ALIGNED = {"aligned", "align", "eqnarray", "gather", "gathered", "split", "multline", "alignedat", "alignat", "flalign", "eqalign", "multlined", "IEEEeqnarray"}
WRAPPERS = {"equation", "displaymath", "math", "subequations", "equation*"}
INFIX = {r"\over", r"\atop", r"\choose", r"\brack", r"\above"}
NAMES = {r"\Tr": "Tr", r"\tr": "tr", r"\Re": None, r"\rank": "rank", r"\lg": "lg", r"\injlim": "inj~lim", r"\projlim": "proj~lim", r"\mod": "mod", r"\bmod": "mod"}

TOKEN = re.compile(r"\\(?:begin|end)\s*\{\s*\w+\*?\s*\}|\\[A-Za-z]+|\\.|\s+|[^\s]", re.S)
COMMENT = re.compile(r"(?<!\\)%[^\n]*\n?")


class Item:
    """A nucleus with its scripts. kind: sym (a leaf), up (an upright letter), gap (a space between words), empty, cmd (name, arguments), rows (a matrix), lines."""
    __slots__ = ("kind", "name", "args", "sub", "sup")

    def __init__(self, kind, name="", args=()):
        self.kind, self.name, self.args, self.sub, self.sup = kind, name, list(args), None, None

    def bare(self):
        return self.sub is None and self.sup is None


class Reader:
    def __init__(self, source: str):
        self.tokens = TOKEN.findall(COMMENT.sub("", source))
        self.at, self.depth = 0, 0

    def peek(self, spaces=False):
        while not spaces and self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self, spaces=False):
        token = self.peek(spaces)
        if token is None:
            raise Unsupported("ends early")
        self.at += 1
        return token

    def optional(self):
        """What stands in [...], or None."""
        if self.peek() != "[":
            return None
        self.next()
        return self.sequence(("]",))[0]

    def raw(self):
        """The text of a {...} argument, unread."""
        if self.next() != "{":
            self.at -= 1
            return self.next()
        depth, out = 1, []
        while True:
            token = self.next(spaces=True)
            depth += (token == "{") - (token == "}")
            if not depth:
                return "".join(out)
            out.append(token)

    def argument(self):
        while self.peek() in SPACES or self.peek() in NOTHING:
            self.next()
        token = self.next()
        if token == "{":
            return self.sequence(("}",))[0]
        if token in ("}", "_", "^", "&", "\\\\"):
            raise Unsupported("an argument is missing")
        self.at -= 1
        out = []
        self.atom(out, scripts=False)
        return out

    def sequence(self, ends, scripts=True):
        """Items up to one of `ends` (None: the end of the source), and which it was."""
        self.depth += 1
        if self.depth > 60:
            raise Unsupported("nested too deeply")
        out = []
        while True:
            token = self.peek()
            if token in ends or (token is not None and token.startswith(r"\end") and r"\end" in ends):
                if token is not None:
                    self.next()
                self.depth -= 1
                return out, token
            if token is None or token == "}" or token.startswith(r"\end{"):
                raise Unsupported(f"unbalanced {token}")
            if token in SWITCH:
                self.next()
                rest, end = self.sequence(ends)
                self.depth -= 1
                return out + styled(rest, SWITCH[token]), end
            if token in INFIX:
                self.next()
                if token == r"\above":
                    self.length()
                rest, end = self.sequence(ends)
                self.depth -= 1
                if token == r"\over" or token == r"\above":
                    return [Item("cmd", r"\frac", (out, rest))], end
                if token == r"\choose":
                    return [Item("cmd", r"\binom", (out, rest))], end
                inner = Item("rows", "", [[out], [rest]])
                return ([inner] if token == r"\atop" else [Item("sym", "["), inner, Item("sym", "]")]), end
            if token in (r"\eqno", r"\leqno"):
                self.next()
                rest, end = self.sequence(ends)
                self.depth -= 1
                return out + [tag(rest)], end
            self.atom(out)

    def length(self):
        """A dimension, as after \\kern."""
        while self.peek() is not None and re.fullmatch(r"[-+.\d]", self.peek()):
            self.next()
        for _ in range(2):
            if self.peek() is not None and re.fullmatch("[a-z]", self.peek()):
                self.next()

    def scripts(self, out):
        """Reads scripts onto the last item."""
        primes = []
        base = out[-1]
        while True:
            token = self.peek()
            token = SAME.get(token, token)
            if token == "'" or token == "’":
                self.next()
                primes.append(Item("sym", r"\prime"))
                if base.sup is not None and primes:  # a^2' : a prime beside it
                    base.sup = base.sup + primes
                    primes = []
                continue
            if token in (r"\limits", r"\nolimits", r"\displaylimits"):
                self.next()
                continue
            if token not in ("_", "^"):
                break
            self.next()
            content = self.argument()
            if not content:
                continue
            if token == "^":
                content, primes = primes + content, []
            if (base.sub if token == "_" else base.sup) is not None or (token == "_" and False):
                base = Item("empty")
                out.append(base)
            if token == "_":
                base.sub = content
            else:
                base.sup = content
        if primes:
            if base.sup is not None:
                base = Item("empty")
                out.append(base)
            base.sup = primes

    def atom(self, out, scripts=True):
        token = self.next()
        before = len(out)
        if token in SAME:
            token = SAME[token]
            if token is None:
                raise Unsupported("a symbol outside the vocabulary")
        if token in ("_", "^", "'"):
            self.at -= 1
            if not scripts:
                raise Unsupported("a script without a base")
            out.append(Item("empty"))
            self.scripts(out)
            if out[-1].bare():
                out.pop()
            return
        if token == "{":
            items = self.sequence(("}",))[0]
            if items:
                out.extend(items)
            elif scripts and self.peek() in ("_", "^", "'"):
                out.append(Item("empty"))
                self.scripts(out)
                if out[-1].bare():
                    out.pop()
                return
            else:
                return
        elif token in SPACES:
            if token in ("~", "\\ "):
                out.append(Item("gap"))
            return
        elif token in (r"\left", r"\right", r"\middle") or token in NOTHING and "big" in token.lower():
            if self.peek() == ".":
                self.next()
            if token != r"\right":
                return
            if self.tokens[self.at - 1] == ".":
                out.append(Item("empty"))
            else:
                return
        elif token in NOTHING:
            return
        elif token in LENGTHS:
            self.length()
            return
        elif token in DROPPED:
            if self.peek() == "*":
                self.next()
            for _ in range(DROPPED[token]):
                self.raw()
            return
        elif token in TEXT or token in STYLED:
            out.extend(self.text(STYLED.get(token, r"\mathrm")))
        elif token in FONT:
            if self.peek() == "*":
                self.next()
            out.extend(styled(self.argument(), FONT[token]))
        elif token in (r"\root",):
            index, _ = self.sequence((r"\of",))
            out.append(Item("cmd", r"\root", (index, self.argument())))
        elif token == r"\sqrt":
            index = self.optional()
            content = self.argument()
            out.append(Item("cmd", r"\root", (index, content)) if index else Item("cmd", r"\sqrt", (content,)))
        elif token in (r"\xrightarrow", r"\xleftarrow", r"\xmapsto", r"\xleftrightarrow", r"\xhookrightarrow"):
            below, above = self.optional(), self.argument()
            item = Item("sym", {"m": r"\longmapsto", "r": r"\longrightarrow", "l": r"\longleftarrow", "h": r"\hookrightarrow"}[token[2]])
            if token == r"\xleftrightarrow":
                item = Item("sym", r"\longleftrightarrow")
            if above:
                item = Item("cmd", r"\overset", (above, [item]))
            out.append(Item("cmd", r"\underset", (below, [item])) if below else item)
        elif token == r"\substack":
            if self.next() != "{":
                raise Unsupported("substack")
            out.append(self.rows("}"))
        elif token in (r"\matrix", r"\pmatrix", r"\cases", r"\eqalign", r"\displaylines") and self.peek() == "{":
            self.next()
            rows = self.rows("}")
            if token in (r"\eqalign", r"\displaylines"):
                rows.kind = "lines"
            out.extend(fenced(rows, MATRICES.get(token[1:])))
        elif token.startswith(r"\begin"):
            out.extend(self.environment(token))
        elif token == r"\not" or token in NOT:
            inner = [Item("sym", NOT[token])] if token in NOT else self.argument()
            if len(inner) != 1 or inner[0].kind != "sym" or inner[0].name not in NEGATABLE | {r"\exists"}:
                raise Unsupported("not")
            name = inner[0].name
            out.append(Item("sym", NEGATED[name]) if name in NEGATED else Item("cmd", r"\not", (inner,)))
        elif token == r"\tag":
            if self.peek() == "*":
                self.next()
            out.append(tag(self.text("")))
        elif token in (r"\pmod", r"\pod"):
            out.extend([Item("sym", "(")] + ([Item("up", c) for c in "mod"] if token == r"\pmod" else []) + self.argument() + [Item("sym", ")")])
        elif NAMES.get(token):
            out.extend(Item("gap") if c == "~" else Item("up", c) for c in NAMES[token])
        elif token in ONE or token in TWO or token in ACCENTS:
            name = ACCENTS.get(token, token)
            if token == r"\cfrac":
                self.optional()
            out.append(Item("cmd", name, [self.argument() for _ in range(2 if name in TWO else 1)]))
            if name in (r"\overset", r"\underset") and not out[-1].args[0]:
                out[-1:] = out[-1].args[1]
            elif not all(out[-1].args):
                raise Unsupported("an empty argument")
        elif token == r"\mathchar":
            raise Unsupported(token)
        elif token in LEAVES:
            out.append(Item("sym", token))
        elif token == "$":
            return
        else:
            raise Unsupported(token)
        if not scripts or len(out) == before:
            return
        if self.peek() in ("_", "^", "'", r"\sp", r"\sb", r"\limits", r"\nolimits", "′"):
            if out[-1].kind == "gap":
                out.append(Item("empty"))
            if not out[-1].bare():  # {x_a}_b
                out.append(Item("empty"))
            self.scripts(out)
            if out[-1].kind == "empty" and out[-1].bare():
                out.pop()
        elif out[-1].kind == "empty" and out[-1].bare():
            out.pop()

    def text(self, font):
        """The argument of \\text: words, and formulas in dollars."""
        if self.next() != "{":
            self.at -= 1
            return styled(self.argument(), font)
        out, depth = [], 0
        while True:
            token = self.next(spaces=True)
            if token == "}" and depth == 0:
                return out
            if token in ("{", "}"):
                depth += 1 if token == "{" else -1
            elif token.isspace() or token in SPACES:
                if token != r"\!":
                    out.append(Item("gap"))
            elif token in ("$", r"\("):
                out.extend(self.sequence(("$", r"\)"))[0])
            elif token in TEXT or token in STYLED:
                out.extend(self.text(STYLED.get(token, font)))
            elif token in SWITCH:
                font = SWITCH[token]
            elif token in NOTHING:
                pass
            elif token in DROPPED:
                for _ in range(DROPPED[token]):
                    self.raw()
            elif token in ("`", "'", "’", "‘"):
                raise Unsupported("a quotation mark")
            elif token in LEAVES and not token.startswith("\\") or token in (r"\%", r"\#", r"\$", r"\&", r"\ldots", r"\dots"):
                out.extend(styled([Item("sym", SAME.get(token, token))], font))
            else:
                raise Unsupported(f"{token} in text")

    def environment(self, token):
        name = token[token.index("{") + 1:-1].strip().rstrip("*")
        if name in WRAPPERS:
            return self.sequence((r"\end",))[0]
        if name not in MATRICES and name not in ALIGNED:
            raise Unsupported(name)
        if self.peek() == "[" and name in ("array", "aligned", "gathered", "split", "tabular"):
            self.optional()
        if name in ("array", "alignedat", "alignat", "tabular", "subarray", "IEEEeqnarray"):
            self.raw()
        rows = self.rows(r"\end")
        if name in ALIGNED:
            rows.kind = "lines"
        return fenced(rows, MATRICES.get(name))

    def rows(self, end):
        rows = [[]]
        while True:
            cell, stop = self.sequence((end, "&", "\\\\", r"\cr", r"\newline", r"\tabularnewline"))
            rows[-1].append(cell)
            if stop == "&":
                continue
            if stop in ("\\\\", r"\cr", r"\newline", r"\tabularnewline"):
                if self.peek() == "*":
                    self.next()
                if self.peek(spaces=True) == "[" and self.at + 1 < len(self.tokens) and re.match(r"[-.\d\\]", self.tokens[self.at + 1]):
                    self.optional()
                rows.append([])
                continue
            break
        return Item("rows", "", [r for r in rows if any(r)])


def fenced(rows, fence):
    if not rows.args:
        raise Unsupported("an empty matrix")
    left, right = fence or (None, None)
    return ([Item("sym", left)] if left else []) + [rows] + ([Item("sym", right)] if right else [])


def tag(items):
    items = [i for i in items if i.kind != "gap"]
    if len(items) > 2 and items[0].name == "(" and items[-1].name == ")":
        items = items[1:-1]
    if not items:
        raise Unsupported("an empty tag")
    return Item("cmd", r"\tag", (items,))


def styled(items, font):
    """The items with an alphabet put on their letters."""
    if not font:
        return items
    for item in items:
        for part in (item.sub, item.sup):
            if part:
                styled(part, font)
        if item.kind == "cmd" and item.name not in FONTS:
            for part in item.args:
                styled(part, font)
        elif item.kind in ("rows", "lines"):
            for row in item.args:
                for cell in row:
                    styled(cell, font)
        elif item.kind == "sym":
            name = item.name
            if font == r"\mathrm":
                if name in LETTERS:
                    item.kind = "up"
            elif font == r"\boldsymbol":
                if name in FONTABLE:
                    item.kind, item.name, item.args = "cmd", r"\mathbf", [[Item("sym", name)]]
            elif name in LETTERS or name in DIGITS and font != r"\mathcal" and font != r"\mathsf" or font == r"\mathbf" and name in GREEK and name[1].isupper():
                if name in LETTERS and name.islower() and font in (r"\mathcal",):
                    raise Unsupported("a small calligraphic letter")
                item.kind, item.name, item.args = "cmd", font, [[Item("sym", name)]]
    return items


# ---------------------------------------------------------------- tree -> tokens

def argument_tokens(items):
    tokens = write(items)
    if not tokens:
        raise Unsupported("an empty argument")
    return tokens if len(tokens) == 1 and tokens[0] in LEAVES else ["{"] + tokens + ["}"]


def script_tokens(item):
    out = []
    if item.sub is not None:
        content = write(item.sub)
        out += ["_"] + (content if len(content) == 1 and content[0] in LEAVES else ["{"] + content + ["}"]) if content else []
    if item.sup is not None:
        content = write(item.sup)
        out += ["^"] + (content if len(content) == 1 and content[0] in LEAVES else ["{"] + content + ["}"]) if content else []
    return out


def write(items):
    out, i = [], 0
    while i < len(items):
        item = items[i]
        if item.kind == "gap":
            i += 1
            continue
        if item.kind == "up":
            run = []
            while i < len(items) and items[i].kind in ("up", "gap"):
                run.append(items[i])
                i += 1
                if not run[-1].bare():
                    break
            while run[-1].kind == "gap":
                run.pop()
            word = [("~" if r.kind == "gap" else r.name) for r in run]
            word = [c for k, c in enumerate(word) if c != "~" or word[k - 1] != "~"]
            name = "\\" + "".join(word)
            if name in FUNCTIONS:
                out.append(name)
            else:
                out += [r"\mathrm"] + (word if len(word) == 1 else ["{"] + word + ["}"])
            out += script_tokens(run[-1])
            continue
        i += 1
        scripts = script_tokens(item)
        if item.kind == "empty":
            if scripts:
                out += ["{", "}"] + scripts
            continue
        if item.kind == "sym":
            out.append(item.name)
        elif item.kind == "cmd":
            out.append(item.name)
            for content in item.args:
                out += argument_tokens(content)
        else:
            rows = [join_relations(row) for row in item.args] if item.kind == "lines" or len(item.args) > 1 else item.args
            if item.kind == "lines":
                rows = [[[i for cell in row for i in cell]] for row in rows] if item.name == "whole" else rows
            written = [[write(cell) for cell in row] for row in rows]
            while all(len(r) > 1 and not r[-1] for r in written):
                written = [r[:-1] for r in written]
            if len(written) == 1 and len(written[0]) == 1:
                out += written[0][0]
            else:
                env = "aligned" if item.name == "whole" else "matrix"
                out.append(rf"\begin{{{env}}}")
                for k, row in enumerate(written):
                    if k:
                        out.append("\\\\")
                    for j, cell in enumerate(row):
                        out += (["&"] if j else []) + cell
                out.append(rf"\end{{{env}}}")
        out += scripts
    return out


def join_relations(row):
    """Cells that are split beside a relation (x & = & y) are one."""
    out = [list(row[0])]
    for cell in row[1:]:
        solid = [i for i in out[-1] if i.kind != "gap"]
        first = next((i for i in cell if i.kind != "gap"), None)
        if solid and solid[-1].kind == "sym" and solid[-1].name in RELATIONS or first is not None and first.kind == "sym" and first.name in RELATIONS:
            out[-1] = out[-1] + list(cell)
        else:
            out.append(list(cell))
    return out


def canonical(source: str) -> list[str]:
    """LaTeX -> canonical tokens."""
    source = source.strip()
    for left, right in ((r"\[", r"\]"), ("$$", "$$"), (r"\(", r"\)"), ("$", "$")):
        if source.startswith(left) and source.endswith(right) and len(source) > len(left) + len(right):
            source = source[len(left):-len(right)]
            break
    reader = Reader(source)
    rows = reader.rows(None)
    if not rows.args:
        raise Unsupported("empty")
    if len(rows.args) == 1:
        items = [i for cell in rows.args[0] for i in cell]
        solid = [i for i in items if i.kind != "gap" and not (i.kind == "sym" and i.name in (",", ".", ";")) and not (i.kind == "cmd" and i.name == r"\tag")]
        if len(solid) == 1 and solid[0].kind == "lines" and solid[0].bare():
            solid[0].name = "whole"
    else:
        rows.kind, rows.name = "lines", "whole"
        items = [rows]
    tags = []
    for items_ in [items] + [cell for i in items if i.kind == "lines" for row in i.args for cell in row]:
        tags += [i for i in items_ if i.kind == "cmd" and i.name == r"\tag"]
        items_[:] = [i for i in items_ if i.kind != "cmd" or i.name != r"\tag"]
    if len(tags) > 1:
        raise Unsupported("several equation numbers")
    items = items + tags
    tokens = write(items)
    if not tokens:
        raise Unsupported("empty")
    unknown = [t for t in tokens if t not in INDEX]
    if unknown:
        raise Unsupported(unknown[0])
    if not parses(tokens):
        raise Unsupported("not a canonical formula")
    return tokens


# ---------------------------------------------------------------- the grammar of canonical tokens

# What a token is to the grammar.
LEAF, LETTER, RELATION, PLAIN = 1, 2, 4, 8  # LEAF is set for all leaves; FONTABLE ones have 8
KIND = {}
for _t in VOCABULARY:
    KIND[_t] = (LEAF if _t in LEAVES else 0) | (LETTER if _t in LETTERS else 0) | (RELATION if _t in NEGATABLE else 0) | (PLAIN if _t in FONTABLE else 0)


class Grammar:
    """A pushdown automaton over canonical tokens.

    The stack holds frames [kind, state]:
      sequences  T (the formula), A (lines), G (a braced argument), M (a matrix's cell)
          state  0 nothing yet, 1 after an atom (_ or ^ may follow), 2 after a subscript (^ may follow), 3 after a superscript, 4 after {} (_ or ^ must follow),
                 5 after \\tag (only the end may follow), 6 after a cell's or line's end (as 0, but the sequence may close),
                 7 in G, after one leaf and nothing else (as 1, but } may not follow: one leaf needs no braces)
      arguments  n (state: how many to come; the third entry: the state that the sequence below gets), f (a letter after a font), r (after \\mathrm), R (inside its braces; 0: the first letter must come, 1: } may come, 2: after one letter, 3: after ~),
                 x (after \\not), E (inside {})
    """

    def __init__(self):
        self.stack = [["T", 0, 0]]
        self.done = False

    def copy(self):
        other = Grammar.__new__(Grammar)
        other.stack, other.done = [list(f) for f in self.stack], self.done
        return other

    def key(self):
        """All that `allows` depends on."""
        kind, state, _ = self.stack[-1]
        return kind, state, len(self.stack) == 1

    def allows(self, token: str) -> bool:
        if self.done:
            return False
        kind, state, _ = self.stack[-1]
        what = KIND[token]
        if kind == "n":
            return token == "{" or bool(what & LEAF)
        if kind == "f":
            return bool(what & PLAIN)
        if kind == "x":
            return bool(what & RELATION)
        if kind == "r":
            return token == "{" or bool(what & LETTER)
        if kind == "R":
            return bool(what & LETTER) or token == "~" and state in (1, 2) or token == "}" and state == 1
        if kind == "E":
            return token == "}"
        # sequences
        if state == 5:
            return token == "<end>"
        if state == 4:
            return token in ("_", "^")
        if token == "<end>":
            return kind == "T" and state != 0
        if token == "}":
            return kind == "G" and state not in (0, 7)
        if token == "_":
            return state in (1, 7)
        if token == "^":
            return state in (1, 2, 7)
        if token == "&":
            return kind == "M"
        if token == "\\\\":
            return kind in ("M", "A")
        if token == r"\end{matrix}":
            return kind == "M" and state != 0
        if token == r"\end{aligned}":
            return kind == "A" and state != 0
        if token == r"\begin{aligned}":
            return kind == "T" and state == 0
        if token == r"\tag":
            return kind == "T" and state != 0
        if token in ("<start>", "~"):
            return False
        return True

    def step(self, token: str):
        top = self.stack[-1]
        kind = top[0]
        if token == "<end>":
            self.done = True
        elif kind in ("n", "r") and token == "{":
            self.stack.append(["G" if kind == "n" else "R", 0, 0])
        elif kind == "n":
            self._argument()
        elif kind in ("f", "x", "r"):
            self.stack.pop()
            self.stack[-1][1] = 1
        elif kind == "R":
            if token == "}":
                self.stack.pop()
                self.stack.pop()
                self.stack[-1][1] = 1
            else:
                top[1] = 3 if token == "~" else 2 if top[1] == 0 else 1
        elif kind == "E":
            self.stack.pop()
            self.stack[-1][1] = 4
        elif token == "{":
            self.stack.append(["E", 0, 0])
        elif token == "}":
            self.stack.pop()
            self._argument()
        elif token in ("_", "^"):
            self.stack.append(["n", 1, 2 if token == "_" else 3])
        elif token in ("&", "\\\\"):
            top[1] = 6
        elif token in (r"\end{matrix}", r"\end{aligned}"):
            self.stack.pop()
            self.stack[-1][1] = 1 if token == r"\end{matrix}" else 3
        elif token == r"\begin{matrix}":
            self.stack.append(["M", 0, 0])
        elif token == r"\begin{aligned}":
            self.stack.append(["A", 0, 0])
        elif token in ONE:
            self.stack.append(["n", 1, 1])
        elif token == r"\tag":
            self.stack.append(["n", 1, 5])
        elif token in TWO:
            self.stack.append(["n", 2, 1])
        elif token in FONTS:
            self.stack.append(["f", 0, 0])
        elif token == r"\mathrm":
            self.stack.append(["r", 0, 0])
        elif token == r"\not":
            self.stack.append(["x", 0, 0])
        else:
            top[1] = 7 if kind == "G" and top[1] == 0 else 1

    def _argument(self):
        frame = self.stack[-1]
        frame[1] -= 1
        if not frame[1]:
            self.stack.pop()
            self.stack[-1][1] = frame[2]

    def closing(self) -> list[str]:
        """A short way to the end: what a decoder that ran out of length appends."""
        other, out = self.copy(), []
        while not other.done:
            kind, state, _ = other.stack[-1]
            token = {"n": "x", "f": "x", "r": "x", "x": "=", "E": "}"}.get(kind)
            if kind == "R":
                token = "}" if state == 1 else "x"
            elif token is None:
                token = "^" if state == 4 else "x" if state == 0 or state == 7 else {"T": "<end>", "G": "}", "M": r"\end{matrix}", "A": r"\end{aligned}"}[kind]
            out.append(token)
            other.step(token)
        return out[:-1]


def parses(tokens) -> bool:
    grammar = Grammar()
    for token in tokens:
        if token not in KIND or token == "<end>" or not grammar.allows(token):
            return False
        grammar.step(token)
    return grammar.allows("<end>")


# ---------------------------------------------------------------- tokens -> LaTeX

WIDE = {r"\hat": r"\widehat", r"\tilde": r"\widetilde", r"\bar": r"\overline", r"\vec": r"\overrightarrow"}
OPEN = {"(": ")", "[": "]", r"\{": r"\}", r"\langle": r"\rangle", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
TALL = re.compile(r"\\frac|\\begin|\\binom|\\sum|\\prod|\\int|\\bigcup|\\bigcap|\\bigoplus|\\overset|\\underset|\\overbrace|\\underbrace|\\left")


class Dresser:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def argument(self):
        if self.peek() != "{":
            return self.next(), 1
        self.next()
        parts = self.parts(("}",))
        self.next()
        return delimited(parts), len(parts)

    def parts(self, ends):
        """LaTeX of each atom with its scripts, up to one of `ends`."""
        out = []
        while self.peek() is not None and self.peek() not in ends:
            token = self.next()
            if token in ("_", "^"):
                text, _ = self.argument()
                out[-1] = out[-1] + token + "{" + text + "}"
            elif token == "{":
                self.next()
                out.append("{}")
            elif token == r"\mathrm":
                if self.peek() != "{":
                    out.append(r"\mathrm{" + self.next() + "}")
                else:
                    self.next()
                    word = ""
                    while self.peek() != "}":
                        word += self.next()
                    self.next()
                    out.append(rf"\mathrm{{{word}}}")
            elif token in FONTS:
                symbol = self.next()
                out.append((r"\boldsymbol" if symbol.startswith("\\") else token) + "{" + symbol + "}")
            elif token == r"\not":
                out.append(r"\not" + self.next())
            elif token in ONE or token == r"\tag":
                text, size = self.argument()
                out.append((WIDE.get(token, token) if size > 1 else token) + "{" + text + "}")
            elif token == r"\root":
                index, radicand = self.argument()[0], self.argument()[0]
                out.append(rf"\sqrt[{index}]{{{radicand}}}")
            elif token in TWO:
                first, second = self.argument()[0], self.argument()[0]
                out.append(token + "{" + first + "}{" + second + "}")
            elif token in (r"\begin{matrix}", r"\begin{aligned}"):
                end = token.replace("begin", "end")
                text = token
                while True:
                    cell = self.parts(("&", "\\\\", end))
                    if token == r"\begin{aligned}":
                        for k, part in enumerate(cell):
                            if part in RELATIONS:
                                cell.insert(k, "&")
                                break
                    text += " " + delimited(cell)
                    stop = self.next()
                    if stop == end:
                        break
                    text += " " + stop
                out.append(text + " " + end)
            else:
                out.append(token)
        return out


def delimited(parts):
    """The parts as one string, with delimiters that grow around what is tall."""
    parts, stack = list(parts), []
    for k, part in enumerate(parts):
        if part in OPEN:
            stack.append(k)
        else:
            for opener in reversed(stack):
                closer = OPEN[parts[opener]]
                if part == closer or part.startswith(closer + "_") or part.startswith(closer + "^") :
                    del stack[stack.index(opener):]
                    if any(TALL.search(p) for p in parts[opener + 1:k]):
                        parts[opener] = r"\left" + parts[opener]
                        parts[k] = r"\right" + part
                    break
    for opener in stack:
        if parts[opener] == r"\{" and opener + 1 < len(parts) and parts[opener + 1].startswith(r"\begin{matrix}"):
            parts[opener] = r"\left\{"
            parts[opener + 1] += r"\right."
    return " ".join(parts)


def dress(tokens) -> str:
    dresser = Dresser([t for t in tokens])
    return delimited(dresser.parts(()))


def encode(tokens) -> list[int]:
    return [INDEX[t] for t in tokens]


def decode(numbers) -> list[str]:
    return [VOCABULARY[n] for n in numbers]
