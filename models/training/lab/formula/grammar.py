"""Formulas out of nothing: LaTeX as people write it, drawn from rules that are weighted by how mathematics and physics look in print.

`Writer(rng).formula()` gives source LaTeX (with sizes, spaces and styles that the label leaves out); `mutated` gives a relative of a formula."""
import random
import re

LOWER, UPPER = list("abcdefghijklmnopqrstuvwxyz"), list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
COMMON = list("xyztnkijabfgrpmsuvqcdehl")
GREEK = r"\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \kappa \lambda \mu \nu \xi \pi \rho \sigma \tau \phi \varphi \chi \psi \omega".split()
GREEK_WEIGHTS = [9, 6, 6, 6, 4, 3, 2, 3, 6, .7, 2, 7, 9, 8, 3, 6, 6, 6, 5, 6, 3, 2, 5, 5]
CAPITALS = r"\Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega".split()
CAPITAL_WEIGHTS = [5, 5, 1.5, 4, 1, 2, 3, .5, 5, 4, 5]
RELATIONS = {"=": 30, "<": 3, ">": 3, r"\leq": 3, r"\geq": 2.4, r"\le": 2, r"\ge": 1.6, r"\neq": 2, r"\equiv": 3, r"\approx": 2.4, r"\sim": 3, r"\simeq": 2.4, r"\cong": 1.4, r"\propto": 1.2, r"\ll": 1, r"\gg": 1,
             r"\in": 4, r"\notin": .8, r"\ni": .2, r"\subset": 1.5, r"\supset": .5, r"\subseteq": 1.2, r"\supseteq": .4, r"\rightarrow": 4, r"\to": 3, r"\leftarrow": .6, r"\leftrightarrow": .7, r"\Rightarrow": 1.4,
             r"\Leftarrow": .2, r"\Leftrightarrow": .8, r"\mapsto": 1.2, r"\longrightarrow": 1.2, r"\longleftarrow": .25, r"\Longrightarrow": .5, r"\Longleftrightarrow": .3, r"\longleftrightarrow": .2, r"\longmapsto": .4,
             r"\hookrightarrow": .4, r"\hookleftarrow": .1, r"\perp": .5, r"\vdash": .5, r"\models": .4, r"\asymp": .3, r"\doteq": .3, r"\triangleq": .4, r"\lesssim": .5, r"\gtrsim": .4, r"\leqslant": .7, r"\geqslant": .6,
             r"\prec": .4, r"\succ": .3, r"\preceq": .3, r"\succeq": .3, r"\sqsubseteq": .2, r"\sqsubset": .1, r"\subsetneq": .3, r"\dashv": .15, r"\rightharpoonup": .3, r"\leftharpoonup": .1, r"\rightleftharpoons": .3,
             r"\nearrow": .15, r"\searrow": .15, r"\rightsquigarrow": .2, r"\Longleftarrow": .1, r"\smile": .05, r"\frown": .05, r"\bowtie": .15, r"\uparrow": .3, r"\downarrow": .3, r"\updownarrow": .08, r"\Uparrow": .08,
             r"\Downarrow": .1, r"\not\subset": .2, r"\not\equiv": .3, r"\not\sim": .1, r"\nmid": .2, r"\mid": 1, r"\parallel": .4, r"\ne": .8, ":=": .8, r"\stackrel{\mathrm{def}}{=}": .15, r"\overset{?}{=}": .1}
BINARY = {"+": 30, "-": 30, r"\cdot": 4, r"\times": 4, r"\pm": 2.2, r"\mp": .8, r"\otimes": 3, r"\oplus": 1.8, r"\wedge": 2, r"\vee": .8, r"\cap": 1.2, r"\cup": 1.4, r"\setminus": .8, r"\circ": 1.6, r"*": 1.4, "/": 5,
          r"\bullet": .4, r"\odot": .4, r"\ominus": .15, r"\div": .3, r"\uplus": .15, r"\sqcup": .2, r"\sqcap": .1, r"\ltimes": .2, r"\rtimes": .3, r"\lrcorner": .15, r"\star": .6, r"\amalg": .08, r"\wr": .08, r"\diamond": .15,
          r"\triangleleft": .15, r"\triangleright": .15, r"\backslash": .3}
LARGE = {r"\sum": 10, r"\int": 12, r"\prod": 3, r"\oint": 1, r"\iint": .6, r"\iiint": .3, r"\bigcup": .8, r"\bigcap": .5, r"\bigoplus": .7, r"\bigotimes": .4, r"\bigwedge": .25, r"\bigvee": .2, r"\coprod": .3, r"\bigsqcup": .15}
FUNCTIONS = {r"\sin": 7, r"\cos": 7, r"\tan": 2, r"\exp": 6, r"\log": 5, r"\ln": 5, r"\sinh": 2, r"\cosh": 2, r"\tanh": 1.5, r"\cot": .6, r"\sec": .4, r"\csc": .3, r"\coth": .6, r"\arctan": .8, r"\arcsin": .5, r"\arccos": .5,
             r"\det": 2, r"\dim": 1.2, r"\ker": 1, r"\arg": .6, r"\deg": .6, r"\gcd": .6, r"\Pr": .6, r"\hom": .3}
WORDS = """if for all otherwise and where with when such that is not even odd iff or in on of the a an by from to else subject constant const some any each then only case mod near almost everywhere a.e. i.e. s.t. w.r.t.
 terms higher order h.c. c.c. if and only if for every for some for all for any with respect to in the limit as such that where is the number of is odd is even at least at most for large for small""".split("\n")
LABELS = "eff max min tot kin pot int ext in out tr Tr diag rank sgn Re Im div grad curl rot id Id Hom End Aut Ker Coker Spec vol Vol area dist supp span Res Ind Ad ad Lie GL SL SU SO Sp U O Var Cov E P erf sech const crit vac YM CS DBI BH CFT AdS ren bare phys obs cl class free loc opt BRST WZ EH NS R IR UV QCD QED SM MSSM eq neq ij ab mod Det str Str sTr Pf lim proj ev conv rel abs arg avg ref err th exp data model train test loss softmax argmax argmin ReLU KL MSE pred true new old init fin left right up down L R T S eV GeV MeV TeV keV cm km kg Hz fm mol K J N".split()
ACCENTS = {r"\hat": 6, r"\bar": 8, r"\tilde": 7, r"\dot": 4, r"\vec": 3, r"\ddot": 1, r"\overline": 3, r"\widehat": 1.6, r"\widetilde": 2, r"\check": .4, r"\breve": .3, r"\acute": .2, r"\grave": .15, r"\mathring": .2, r"\underline": .6, r"\dddot": .1,
           r"\overrightarrow": .3, r"\overleftarrow": .1}


class Writer:
    def __init__(self, rng: random.Random):
        self.rng = rng
        # a formula, like a paper, keeps to some letters and manners
        self.habits()

    def pick(self, weights):
        return self.rng.choices(list(weights), weights.values())[0]

    def chance(self, p):
        return self.rng.random() < p

    def habits(self):
        r = self.rng
        self.letters = r.choices(COMMON, k=7) + r.choices(LOWER, k=2)
        self.capitals = r.sample(UPPER, 6)
        self.greeks = r.choices(GREEK, GREEK_WEIGHTS, k=4)
        self.great = r.choices(CAPITALS, CAPITAL_WEIGHTS, k=2)
        self.indices = r.choice(["ijk", "ijkl", "mn", "mnpq", "abc", "abcd", "kl", "nm", "rs", "pq", "ij", "n", "k", "i"])
        self.greek_indices = r.random() < 0.35
        self.style = r.choice(["math", "physics", "physics", "field", "tensor", "quantum", "number", "logic", "statistics", "plain", "plain", "spinor"])
        self.dense = r.random()
        self.dot_space = r.random() < 0.3
        self.accented = r.random() < 0.4
        self.fonts = r.random() < 0.4

    # ------------------------------------------------ small things
    def letter(self):
        x = self.rng.random()
        if x < .05:
            return self.rng.choice(LOWER + UPPER + GREEK + CAPITALS)
        if x < .50:
            return self.rng.choice(self.letters)
        if x < .70:
            return self.rng.choice(self.capitals)
        return self.rng.choice(self.greeks) if x < .93 else self.rng.choice(self.great)

    def number(self):
        x, r = self.rng.random(), self.rng
        if x < .62:
            return str(r.choices(range(10), [6, 14, 14, 6, 6, 3, 3, 2, 3, 2])[0])
        if x < .82:
            return str(r.randint(10, 99))
        if x < .91:
            return str(r.randint(100, 9999))
        return f"{r.randint(0, 99)}.{r.randint(0, 10 ** r.randint(1, 4) - 1)}"

    def index(self):
        x, r = self.rng.random(), self.rng
        if self.greek_indices and x < .6:
            return r.choices([r"\mu", r"\nu", r"\alpha", r"\beta", r"\rho", r"\sigma", r"\lambda", r"\gamma", r"\delta", r"\tau", r"\kappa"], [9, 9, 5, 5, 4, 3, 2, 2, 2, 1, 1])[0]
        if x < .72:
            return r.choice(self.indices)
        if x < .85:
            return r.choice("0123")
        return r.choice(LOWER + GREEK)

    def spinor_index(self):
        x = self.rng.choice([r"\alpha", r"\beta", r"\gamma", r"\delta"])
        return rf"\dot{{{x}}}" if self.chance(.5) else x

    def subscript(self):
        x, r = self.rng.random(), self.rng
        if self.style == "spinor" and x < .4:
            return "".join(self.spinor_index() + " " for _ in range(r.randint(1, 3)))
        if x < .36:
            return self.index()
        if x < .58:
            return str(r.choices(range(10), [6, 9, 8, 4, 2, 1, 1, 1, 1, 1])[0])
        if x < .74:
            return " ".join(self.index() for _ in range(r.choices([2, 3, 4], [6, 2, 1])[0]))
        if x < .80:
            return rf"{{\rm {r.choice(LABELS)}}}" if self.chance(.4) else rf"\{r.choice(['mathrm', 'mathrm', 'text'])}{{{r.choice(LABELS)}}}"
        if x < .86:
            return f"{self.index()} {r.choice('+-')} {r.choice('12n')}"
        if x < .90:
            return f"{self.index()} , {self.index()}" + (f" , {self.index()}" if self.chance(.2) else "")
        if x < .94:
            return r.choice(["+", "-", r"\pm", r"\infty", "*", r"\perp", r"\parallel", r"\odot", r"\bullet", "<", ">", r"\star", r"\|", r"\mp", r"\max", r"\min"])
        if x < .97:
            return f"({self.index()})" if self.chance(.7) else f"[{self.index()} {self.index()}]"
        return f"{self.index()} _ {r.choice('012')}" if self.chance(.6) else self.atom(0)

    def superscript(self):
        x, r = self.rng.random(), self.rng
        if self.style == "spinor" and x < .3:
            return "".join(self.spinor_index() + " " for _ in range(r.randint(1, 2)))
        if x < .34:
            return r.choice("2222223334")
        if x < .48:
            return self.index()
        if x < .55:
            return r.choice(["*", r"\dagger", "+", "-", r"\ast", r"\prime", r"\star", "T", r"\top", r"\infty", r"\pm", r"\circ", r"\perp", r"\bullet", r"\times", r"\ddagger", r"\vee", r"\sharp", r"\flat", r"\natural", r"\complement"])
        if x < .65:
            return "-" + r.choice(["1", "1", "1", "2", self.index(), "3"])
        if x < .72:
            return f"{self.index()} {r.choice('+-')} {r.choice('1122n')}"
        if x < .79:
            return f"({self.number() if self.chance(.6) else self.index()})"
        if x < .84:
            return r.choice(["1/2", "-1/2", "2/3", "3/2", "-2", "1/n", "n/2", "d/2", "i", "2n", "2k", "2m", "2\\pi i"])
        if x < .88:
            return rf"\frac{{{r.choice(['1', '3', 'n', 'k', 'd'])}}}{{{r.choice('2234n')}}}"
        if x < .93:
            return " ".join(self.index() for _ in range(r.randint(2, 3)))
        if x < .96:
            return r"\mathrm{%s}" % r.choice(LABELS)
        return self.expression(0, 2)

    def alphabet(self):
        font = self.pick({r"\mathbf": 6, r"\mathcal": 6, r"\mathbb": 3, r"\mathrm": 3, r"\mathfrak": 1.3, r"\boldsymbol": 2, r"\bm": .5, r"\mathsf": .5, r"\mathscr": .8, "cal": 1.5, "bf": 1.5, "rm": .6})
        upper = font in (r"\mathcal", r"\mathbb", r"\mathscr", "cal")
        symbol = self.rng.choice("RCZNQPEFHTKACSDLB") if font == r"\mathbb" and self.chance(.85) else self.rng.choice(UPPER) if upper or self.chance(.4) else self.rng.choice(LOWER)
        if font in (r"\boldsymbol", r"\bm") and self.chance(.6):
            symbol = self.rng.choice(GREEK + CAPITALS + [r"\nabla"])
        if font == r"\mathbf" and self.chance(.06):
            symbol = self.rng.choice("01")
        return f"{{\\{font} {symbol}}}" if font[0] != "\\" else f"{font}{{{symbol}}}"

    def identifier(self):
        x = self.rng.random()
        if self.accented and x < .22 or x < .06:
            accent = self.pick(ACCENTS)
            y = self.rng.random()
            inner = self.letter() if y < .8 else self.alphabet() if y < .9 else self.letter() + (" " + self.letter() if self.chance(.5) else f"_{{{self.index()}}}")
            return f"{accent}{{{inner}}}" if self.chance(.8) or len(inner) > 1 else f"{accent} {inner}"
        if self.fonts and x < .45 or x < .12:
            return self.alphabet()
        if x > .97:
            return self.rng.choice([r"\partial", r"\nabla", r"\hbar", r"\ell", r"\infty", r"\imath", r"\wp", r"\Re", r"\Im", r"\aleph", r"\emptyset", r"\varnothing", r"\square", r"\Diamond", r"\triangle", r"\top", r"\bot", r"\jmath", r"\varrho", r"\varsigma", r"\varpi", r"\iota", r"\upsilon", r"\angle"])
        if x > .95:
            return rf"\operatorname{{{self.rng.choice(LABELS)}}}" if self.chance(.5) else rf"\mathrm{{{self.rng.choice(LABELS)}}}"
        return self.letter()

    def scripted(self, base):
        x, r = self.rng.random(), self.rng
        braces = lambda s: f"{{{s}}}" if len(s) > 1 or self.chance(.5) else s
        if x < .36:
            return f"{base}_{braces(self.subscript())}"
        if x < .62:
            return f"{base}^{braces(self.superscript())}"
        if x < .80:
            parts = [f"_{braces(self.subscript())}", f"^{braces(self.superscript())}"]
            r.shuffle(parts)
            return base + "".join(parts)
        if x < .88:
            return base + "'" * r.choices([1, 2, 3], [8, 2, .4])[0] + (f"_{braces(self.subscript())}" if self.chance(.2) else "")
        if x < .92 and self.style in ("tensor", "field", "physics"):
            out = base
            for k in range(r.randint(2, 4)):
                out += ("{}" if k else "") + r.choice("_^") + braces(" ".join(self.index() for _ in range(r.randint(1, 2))))
            return out
        if x < .93:
            return rf"{{}}^{{{self.superscript()}}}{base}_{{{self.subscript()}}}"
        return base

    def atom(self, depth):
        base = self.identifier()
        return self.scripted(base) if self.chance(.38 + .3 * self.dense) else base

    # ------------------------------------------------ larger things
    def fence(self, content, depth=1):
        left, right = self.pick({("(", ")"): 20, ("[", "]"): 5, (r"\{", r"\}"): 3, ("|", "|"): 3, (r"\langle", r"\rangle"): 2, (r"\|", r"\|"): 1, (r"\lfloor", r"\rfloor"): .4, (r"\lceil", r"\rceil"): .3, (r"\lvert", r"\rvert"): .6,
                                 ("[", ")"): .3, ("(", "]"): .3, (r"\left.", r"\right|"): .5, (r"\lVert", r"\rVert"): .5})
        if left == r"\left.":
            return rf"\left. {content} \right|_{{{self.subscript()}}}"
        x = self.rng.random()
        if x < .45 or (depth > 0 and x < .7):
            return rf"\left{left} {content} \right{right}"
        if x < .55:
            size = self.rng.choice(["big", "Big", "bigg", "Bigg"])
            return rf"\{size}l{left} {content} \{size}r{right}" if self.chance(.6) else rf"\{size}{left} {content} \{size}{right}"
        return f"{left} {content} {right}"

    def arguments(self, depth):
        n = self.rng.choices([1, 2, 3], [6, 3, 1])[0]
        return " , ".join(self.expression(depth - 1, 1 if n > 1 else 2) if self.chance(.45) else self.atom(0) for _ in range(n))

    def call(self, depth):
        return f"{self.scripted(self.identifier()) if self.chance(.4) else self.letter()}" + self.fence_round(self.arguments(depth), depth)

    def fence_round(self, content, depth):
        return rf"\left( {content} \right)" if self.chance(.25) else f"({content})"

    def fraction(self, depth):
        x, r = self.rng.random(), self.rng
        if x < .14:
            return r.choice([r"\frac{1}{2}", r"\frac12", r"{1\over 2}", r"\frac{1}{4}", r"\frac{i}{2}", r"\frac{1}{3}", r"\frac{3}{2}", r"\frac{1}{2\pi}", r"\frac{\pi}{2}", r"\frac{1}{8}", r"\tfrac{1}{2}", r"\frac{1}{n}", r"\frac{1}{N}"])
        if x < .26:
            d = r.choice(["d", r"\partial", r"\partial", r"\delta", r"\mathrm{d}", "D", r"\Delta"])
            top, bottom = self.atom(0) if self.chance(.7) else "", self.atom(0)
            power = "^2" if self.chance(.25) else ""
            second = f" {d} {self.atom(0)}" if power and self.chance(.5) else ""
            return rf"\frac{{{d}{power} {top}}}{{{d} {bottom}{power if not second else ''}{second}}}"
        top = self.expression(depth - 1, 2) if self.chance(.7) else self.number()
        bottom = self.expression(depth - 1, 2) if self.chance(.75) else self.number()
        if r.random() < .08:
            return f"{{{top} \\over {bottom}}}"
        return r.choices([r"\frac", r"\dfrac", r"\tfrac"], [9, .6, .6])[0] + f"{{{top}}}{{{bottom}}}"

    def big(self, depth):
        op, r = self.pick(LARGE), self.rng
        out = op + (r"\limits" if self.chance(.08) else "")
        x = r.random()
        if "int" in op:
            if x < .35:
                out += f"_{{{self.bound()}}}^{{{self.bound()}}}" if self.chance(.9) else f"^{{{self.bound()}}}_{{{self.bound()}}}"
            elif x < .55:
                out += "_{%s}" % r.choice([self.letter(), self.alphabet(), r"\partial " + self.letter(), r"\mathbb{R}", r"\mathbb{R}^n", self.scripted(self.letter())])
            d = r.choices(["d", r"\mathrm{d}", r"\, d", r"{\cal D}", r"\mathcal{D}", r"\!d"], [8, 2, 5, .7, .7, .5])[0]
            power = f"^{{{r.choice(['2', '3', '4', 'n', 'd', 'D', '10', self.index()])}}}" if self.chance(.3) else ""
            measure = f"{d}{power} {self.letter()}" + (f"_{self.index()}" if self.chance(.15) else "")
            body = self.product(depth - 1)
            if self.chance(.2):
                measure = r"\frac{%s}{%s}" % (measure, self.atom(0) if self.chance(.5) else r"(2\pi)^" + r.choice("2344dn"))
            return f"{out} {measure} " + r.choice(["", r"\, ", r"\; "]) + body if self.chance(.5) else f"{out} {body} {measure}"
        if x < .8:
            i = r.choice(self.indices + "ijkn")
            y = r.random()
            low = (f"{i} = " + r.choice(["0", "1", "1", r"-\infty", "2", "m", "k+1"]) if y < .55 else i if y < .7 else f"{i} , {r.choice(self.indices)}" if y < .76 else rf"{i} \in {self.identifier()}" if y < .84
                   else f"{i} " + r.choice(["<", ">", r"\neq", r"\leq", "|", r"\le", r"\ne"]) + " " + r.choice("jkn0") if y < .93 else rf"\substack{{{i} = 1 \\ {i} \neq {r.choice('jkl')}}}" if y < .95 else self.expression(0, 2))
            out += f"_{{{low}}}"
            if x < .5:
                out += "^{%s}" % r.choice([r"\infty", r"\infty", "n", "N", "k", "m", "n-1", "N-1", "M", self.bound()])
        return f"{out} {self.product(depth - 1)}"

    def bound(self):
        r = self.rng
        return r.choice(["0", "0", "1", r"\infty", r"\infty", r"-\infty", "a", "b", "t", "x", r"2\pi", r"\pi", "T", "L", "R", r"\epsilon", self.letter(), self.scripted(self.letter()), self.letter() + "'", r"t_0", r"+\infty", "-1", r"\frac{\pi}{2}", r"\Lambda"])

    def limit(self, depth):
        op = self.pick({r"\lim": 6, r"\max": 3, r"\min": 3, r"\sup": 3, r"\inf": 2, r"\limsup": .6, r"\liminf": .5, r"\operatorname*{arg\,max}": .5, r"\operatorname*{argmin}": .5, r"\arg\max": .3})
        arrow = self.rng.choice([r"\to", r"\rightarrow", r"\to"])
        low = f"{self.letter()} {arrow} " + self.rng.choice([r"\infty", "0", "0^+", self.letter(), r"-\infty", "1"]) if "lim" in op else rf"{self.letter()} \in {self.identifier()}" if self.chance(.6) else self.expression(0, 1)
        return rf"{op}_{{{low}}} {self.product(depth - 1)}"

    def function(self, depth):
        name = self.pick(FUNCTIONS)
        if self.chance(.15):
            name += f"^{{{self.rng.choice(['2', '-1', '2', 'n', '3'])}}}" if name not in (r"\exp", r"\det") else ""
        x = self.rng.random()
        if x < .5 or name in (r"\exp",) and x < .85:
            return f"{name} {self.fence(self.expression(depth - 1, 2), depth) if self.chance(.4) else self.fence_round(self.expression(depth - 1, 2), depth)}"
        return f"{name} {self.product(0)}"

    def matrix(self, depth):
        r = self.rng
        rows, columns = r.choices([(1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 1), (4, 4), (4, 1), (1, 3), (2, 4), (4, 2), (3, 4)], [1, 2, 9, 2, 2, 6, 2, 1, .6, .4, .5, .4, .5])[0]
        kind = r.random()

        def cell(i, j):
            if kind < .25 and i != j:
                return "0" if r.random() < .8 else r.choice([r"\ddots", "1", "-1"])
            x = r.random()
            return self.number() if x < .35 else ("-" if r.random() < .2 else "") + self.atom(0) if x < .8 else r.choice([r"\cdots", r"\vdots", r"\ddots", "0", "1", ""]) if x < .88 else self.expression(depth - 1, 2)
        body = r" \\ ".join(" & ".join(cell(i, j) for j in range(columns)) for i in range(rows))
        x = r.random()
        if x < .7:
            name = r.choices(["pmatrix", "bmatrix", "vmatrix", "matrix", "Vmatrix", "Bmatrix", "smallmatrix", "psmallmatrix"], [8, 5, 2, 2, .3, .3, .3, .0])[0]
            return rf"\begin{{{name}}} {body} \end{{{name}}}"
        left, right = r.choices([("(", ")"), ("[", "]"), ("|", "|"), (r"\{", "."), (r"\{", r"\}")], [7, 4, 1, 1, .4])[0]
        return rf"\left{left} \begin{{array}}{{{r.choice(['c', 'c', 'l', 'r']) * columns}}} {body} \end{{array}} \right{right}"

    def words(self):
        r = self.rng
        x = r.random()
        if x < .75:
            return " ".join(r.choice(WORDS).split()[: 5]) if x < .1 else r.choice(["if", "for", "for all", "otherwise", "and", "where", "with", "if", "when", "such that", "else", "or", "if and only if", "for some", "for every", "on", "in", "as", "is even", "is odd",
                                                                                  "for any", "at", "subject to", "almost surely", "a.e.", "h.c.", "c.c.", "const", "const.", "otherwise.", "else", "terms", "mod", "then", "since", "is", "by", "of", "from", "to", "that is"])
        return "".join(r.choice("etaoinshrdlucmfwypvbgkjqxz") if r.random() < .5 else r.choice(["th", "er", "on", "an", "re", "he", "in", "ed", "nd", "ha", "at", "en", "es", "of", "or", "nt", "ea", "ti", "to", "it", "st", "io", "le", "is", "ou", "ar", "as", "de", "rt", "ve"]) for _ in range(r.randint(1, 6)))

    def text(self):
        command = self.rng.choice([r"\text", r"\text", r"\mbox", r"\textrm", r"\mathrm", r"\hbox"])
        words = self.words()
        if command == r"\mathrm":
            words = words.replace(" ", "~")
        return rf"{command}{{{self.rng.choice(['', ' '])}{words}{self.rng.choice(['', ' '])}}}"

    def cases(self, depth):
        rows = self.rng.choices([2, 3, 4], [7, 3, 1])[0]
        lines = []
        for k in range(rows):
            value = self.expression(depth - 1, 2) if self.chance(.7) else self.number()
            condition = rf"\text{{{self.rng.choice(['if', 'for', 'if', 'when'])} }} " if self.chance(.5) else ""
            condition += rf"{self.expression(0, 1)} {self.pick(RELATIONS)} {self.expression(0, 1)}"
            if k == rows - 1 and self.chance(.5):
                condition = r"\text{otherwise}" if self.chance(.8) else r"\mbox{else}"
            comma = "," if self.chance(.4) else ""
            lines.append(f"{value}{comma} & {condition}" if self.chance(.9) else value)
        body = r" \\ ".join(lines)
        if self.chance(.7):
            return rf"\begin{{cases}} {body} \end{{cases}}"
        return rf"\left\{{ \begin{{array}}{{{self.rng.choice(['ll', 'lc', 'cl', 'rl'])}}} {body} \end{{array}} \right."

    def braket(self, depth):
        a, b, c = (self.expression(0, 1) if self.chance(.4) else self.atom(0) for _ in range(3))
        x = self.rng.random()
        return (rf"\langle {a} | {b} \rangle" if x < .3 else rf"| {a} \rangle" if x < .5 else rf"\langle {a} |" if x < .6 else rf"\langle {a} | {b} | {c} \rangle" if x < .8 else rf"\left\langle {a} \middle| {b} \right\rangle" if x < .85
                else rf"\left| {a} \right\rangle \left\langle {b} \right|" if x < .9 else rf"| {a} \rangle \langle {b} |")

    def brackets(self, depth):
        a, b = self.atom(0), self.atom(0)
        left, right = self.rng.choice([("[", "]"), (r"\{", r"\}"), ("[", "]"), (r"\langle", r"\rangle"), ("(", ")")])
        return f"{left} {a} , {b} {right}"

    def term(self, depth):
        x = self.rng.random()
        if depth <= 0:
            return self.number() if x < .14 else self.atom(0)
        if x < .44:
            return self.atom(depth)
        if x < .53:
            return self.number() if self.chance(.6) else self.number() + " " + self.atom(0)
        if x < .66:
            return self.fraction(depth)
        if x < .695:
            content = self.expression(depth - 1, 2)
            return rf"\sqrt{{{content}}}" if self.chance(.88) else rf"\sqrt[{self.rng.choice(['3', '4', 'n', 'k', 'p', 'n+1'])}]{{{content}}}"
        if x < .78:
            return self.call(depth)
        if x < .83:
            return self.function(depth)
        if x < .88:
            return self.big(depth)
        if x < .895:
            return self.limit(depth)
        if x < .945:
            fenced = self.fence(self.expression(depth - 1, 3), depth)
            return fenced + (f"^{{{self.superscript()}}}" if self.chance(.35) else f"_{{{self.subscript()}}}" if self.chance(.15) else "")
        if x < .957:
            return self.braket(depth) if self.style == "quantum" or self.chance(.5) else self.brackets(depth)
        if x < .967:
            return self.rng.choice([r"\binom{%s}{%s}", r"{%s \choose %s}"]) % (self.expression(0, 1), self.expression(0, 1))
        if x < .975:
            return self.matrix(depth)
        if x < .982:
            return rf"\{self.rng.choice(['overbrace', 'underbrace'])}{{{self.expression(depth - 1, 3)}}}" + (rf"{self.rng.choice('_^')}{{{self.expression(0, 1) if self.chance(.6) else self.text()}}}" if self.chance(.75) else "")
        if x < .99:
            arrow = self.rng.choice([r"\longrightarrow", r"\rightarrow", "=", r"\sim", r"\longleftarrow", r"\Rightarrow", "="])
            y = self.rng.random()
            return (rf"{self.atom(0)} \stackrel{{{self.atom(0)}}}{{{arrow}}} {self.atom(0)}" if y < .4 else rf"{self.atom(0)} \xrightarrow{{{self.atom(0)}}} {self.atom(0)}" if y < .6 else rf"{self.atom(0)} \overset{{{self.atom(0)}}}{{{arrow}}} {self.atom(0)}"
                    if y < .8 else r"\underset{%s}{%s} " % (self.expression(0, 1), self.rng.choice([r"\mathrm{argmin}", r"\max", "=", self.letter(), r"\rightarrow"])) + self.atom(0))
        if x < .994:
            return self.rng.choice([r"\overline", r"\widetilde", r"\widehat", r"\underline", r"\boxed", r"\overrightarrow"]) + f"{{{self.expression(depth - 1, 2)}}}"
        return self.atom(0) + r" \quad " + self.text() + " " + self.atom(0)

    def product(self, depth):
        n = self.rng.choices([1, 2, 3, 4], [5, 4, 2, .7])[0]
        parts = []
        for k in range(n):
            parts.append(self.term(depth) if k == 0 or self.chance(.5) else self.atom(0))
        if n > 1 and self.chance(.1):
            parts.insert(1, self.rng.choice([r"\cdot", r"\times", r"\otimes", r"\wedge", r"\,", r"\,"]))
        if n > 1 and self.style in ("field", "tensor") and self.chance(.3):
            parts[0] = self.rng.choice([r"\partial_{%s}", r"\nabla_{%s}", r"D_{%s}", r"\gamma^{%s}", r"\partial^{%s}", r"\bar{\psi} \gamma^{%s}", r"\epsilon^{%s}"]) % self.index()
        return " ".join(parts)

    def expression(self, depth, most):
        n = self.rng.randint(1, most)
        out = [self.rng.choice(["-", "-", "-", r"\pm", "+"])] if self.chance(.09) else []
        for k in range(n):
            if k:
                out.append(self.pick(BINARY))
            out.append(self.product(depth) if self.chance(.6) else self.term(depth))
            if self.chance(.02):
                out.append(self.rng.choice([r"+ \cdots", r"+ \ldots", r", \ldots ,", r"\cdots"]) )
        return " ".join(out)

    def logic(self, depth):
        r = self.rng
        quantifier = r.choice([r"\forall", r"\exists", r"\forall", r"\exists !", r"\nexists", r"\neg"])
        parts = [rf"{quantifier} {self.letter()}" + (rf" \in {self.identifier()}" if self.chance(.6) and quantifier != r"\neg" else "")]
        for _ in range(r.randint(1, 3)):
            parts.append(r.choice([self.call(0), rf"{self.atom(0)} {self.pick(RELATIONS)} {self.atom(0)}", rf"\neg {self.call(0)}", "( %s %s %s )" % (self.call(0), r.choice([r"\wedge", r"\vee", r"\Rightarrow", r"\rightarrow", r"\land"]), self.call(0))]))
        joins = [r"\wedge", r"\vee", r"\Rightarrow", r"\rightarrow", r"\Leftrightarrow", ":", ",", r"\vdash", r"\implies", r"\iff"]
        return " ".join(p + (" " + r.choice(joins) if k < len(parts) - 1 else "") for k, p in enumerate(parts))

    def set_builder(self, depth):
        return r"%s = \{ %s \in %s %s %s \}" % (self.identifier(), self.atom(0), self.identifier(), self.rng.choice([r"\mid", ":", "|", r"\colon"]), self.relation(depth - 1))

    def map(self):
        out = " ".join([self.letter(), self.rng.choice([":", r"\colon"]), self.scripted(self.identifier()), self.rng.choice([r"\to", r"\rightarrow", r"\longrightarrow", r"\mapsto", r"\hookrightarrow", r"\rightsquigarrow"]), self.scripted(self.identifier())])
        if self.chance(.3):
            out = out.replace(" ", r" \times " + self.identifier() + " ", 1) if self.chance(.1) else out + rf" , \quad {self.letter()} \mapsto {self.expression(0, 2)}"
        return out

    def probability(self, depth):
        r = self.rng
        return r.choice([rf"\mathbb{{E}}\left[ {self.expression(depth - 1, 2)} \right]", "P(%s %s %s)" % (self.atom(0), r.choice([r"\mid", "|"]), self.atom(0)), rf"{self.atom(0)} \sim \mathcal{{N}}({self.atom(0)}, {self.atom(0)}^2)", rf"\mathrm{{Var}}({self.atom(0)})",
                         rf"p({self.atom(0)} | {self.atom(0)}, {self.atom(0)}) = {self.fraction(depth)}", rf"\hat{{{self.letter()}}} = {self.limit(depth)}", rf"{self.atom(0)} = \frac{{1}}{{{self.letter()}}} \sum_{{i=1}}^{{{self.letter()}}} {self.product(0)}"])

    def relation(self, depth):
        left = self.expression(depth, 2) if self.chance(.5) else self.product(min(depth, 1))
        return f"{left} {self.pick(RELATIONS)} {self.expression(depth, 3)}"

    def sequence(self):
        base, r = self.letter(), self.rng
        first, last = r.choice("01"), r.choice("nmkNd")
        return r.choice(["( %s )", r"\{ %s \}", "%s", "[ %s ]", r"\langle %s \rangle"]) % " , ".join([f"{base}_{first}", f"{base}_{int(first) + 1}", r.choice([r"\ldots", r"\dots", r"\cdots"]), f"{base}_{last}"])

    def lines(self, depth):
        n, r = self.rng.choices([2, 3, 4], [6, 2.5, 1])[0], self.rng
        left = self.product(min(depth, 1))
        rows, equals = [], "=" if self.chance(.75) else self.pick(RELATIONS)
        repeated = self.chance(.5)
        for k in range(n):
            start = left if k == 0 else "" if repeated else self.product(min(depth, 1))
            rows.append((start, equals if self.chance(.85) or not start else self.pick(RELATIONS), self.expression(depth, 3) + (r.choice([",", ",", ".", "", "", ""]))))
            if repeated and k and self.chance(.25):
                rows[-1] = ("", "", r"\quad + " + rows[-1][2])
        x = r.random()
        if x < .3:
            return r"\begin{eqnarray} " + r" \\ ".join(f"{a} & {e} & {b}" for a, e, b in rows) + r" \end{eqnarray}"
        if x < .8:
            name = r.choice(["aligned", "align*", "split", "align"])
            return rf"\begin{{{name}}} " + r" \\ ".join(f"{a} {'&' if e else ''} {e} {'' if e else '&'} {b}" for a, e, b in rows) + rf" \end{{{name}}}"
        name = r.choice(["gather*", "gathered", "multline*"])
        return rf"\begin{{{name}}} " + r" \\ ".join(f"{a} {e} {b}" for a, e, b in rows) + rf" \end{{{name}}}"

    def formula(self) -> str:
        self.habits()
        r, x = self.rng, self.rng.random()
        depth = r.choices([0, 1, 2, 3], [2, 5, 3.5, .8])[0]
        if x < .08:
            out = self.term(depth)
        elif x < .20:
            out = self.expression(depth, 4)
        elif x < .60:
            out = self.relation(depth)
        elif x < .68:
            out = f"{self.product(min(depth, 1))} = {self.expression(depth, 3)} {self.pick(RELATIONS)} {self.expression(depth, 2)}"
        elif x < .74:
            comma = r.choice([",", r"\, ,", ";", ","])
            out = " ".join([self.relation(min(depth, 1)), comma, r.choice([r"\quad", r"\qquad", r"\ ", r"\;", ""]), self.text() if self.chance(.25) else "", self.relation(min(depth, 1))])
        elif x < .765:
            out = f"{self.atom(0)} = {self.cases(depth)}"
        elif x < .815:
            out = self.lines(min(depth, 2))
        elif x < .845:
            out = f"{self.atom(0)} = {self.matrix(depth)}" + (f" {self.matrix(0)}" if self.chance(.25) else "")
        elif x < .87:
            out = self.logic(depth)
        elif x < .885:
            out = self.set_builder(depth)
        elif x < .905:
            out = self.map()
        elif x < .92:
            out = self.probability(depth)
        elif x < .935:
            out = self.sequence()
        elif x < .945:
            out = f"{self.braket(depth)} = {self.expression(depth, 3)}"
        elif x < .955:
            out = " ".join([self.relation(min(depth, 1)), r.choice([r"\quad", r"\qquad", ", "]), self.text(), self.expression(0, 2)])
        elif x < .985:
            out = self.atom(0)
        else:
            out = self.number() + (r.choice([r"\%", "", r" \times 10^{%d}" % r.randint(-20, 20), r"\,\mathrm{%s}" % r.choice(["cm", "GeV", "kg", "m/s", "Hz", "eV", "km"]), "!", r"\$"]))
        y = r.random()
        if y < .2:
            out += r.choice([",", ".", r"\,,", r"\ .", r"\;.", ";", r"~,", r"~."])
        if self.chance(.025) and "align" not in out and "gather" not in out and "multline" not in out and "split" not in out:
            out += rf"\tag{{{r.choice(['', 'A.', '2.', '3.', 'B'])}{r.randint(1, 60)}{r.choice(['', '', '', 'a', 'b'])}}}"
        return self.spaced(out)

    def spaced(self, text):
        """Spaces as people put them, which the label leaves out."""
        if self.dot_space:
            text = re.sub(r" (=|\+|-|\\in|\\cdot) ", lambda m: " " + self.rng.choice(["", "", "~", r"\, ", r"\; ", r"\ "]) + m[1] + " " + self.rng.choice(["", "", "", "~", r"\,"]), text)
        return text


# ---------------------------------------------------------------- relatives of real formulas

GROUPS = [LOWER, UPPER, GREEK, CAPITALS, list("0123456789")]
PIECES = re.compile(r"\\(?:begin|end)\{[^}]*\}(?:\{[^}]*\})?|\\(?:text|mbox|mathrm|operatorname|textrm|label|tag|hspace)\*?\s*\{[^}]*\}|\\[A-Za-z]+|\\.|\s+|.", re.S)
WEIGHED = {c: g for g in GROUPS for c in g}


def mutated(source: str, rng: random.Random) -> str:
    """The same shape with other letters: each letter becomes another of its kind, in all places alike; digits and some relations change freely."""
    renamed = {}
    for group in GROUPS[:4]:
        if rng.random() < .8:
            for c in group:
                if rng.random() < .75:
                    renamed[c] = rng.choices(group, [3 if c in COMMON else 1 for c in group] if group is LOWER else None)[0]
    if rng.random() < .3:
        renamed.update({c: rng.choice(GREEK) for c in rng.sample(LOWER, 4)})
    if rng.random() < .15:
        renamed.update({c: rng.choice(LOWER + UPPER) for c in rng.sample(GREEK, 8)})
    out, font = [], False
    for piece in PIECES.findall(source):
        if piece in renamed and not font:
            new = renamed[piece]
            piece = new + (" " if new.startswith("\\") else "")
        elif piece.isdigit() and rng.random() < .5:
            piece = rng.choice("0123456789")
        elif piece in RELATIONS and piece != "=" and rng.random() < .3:
            piece = rng.choices(list(RELATIONS), RELATIONS.values())[0] + " "
        elif piece in (r"\cdot", r"\times", r"\otimes", r"\wedge", r"\oplus", r"\pm", "+") and rng.random() < .2:
            piece = rng.choices(list(BINARY), BINARY.values())[0] + " "
        elif piece in (r"\sin", r"\cos", r"\exp", r"\log", r"\ln", r"\tan") and rng.random() < .5:
            piece = rng.choices(list(FUNCTIONS), FUNCTIONS.values())[0] + " "
        elif piece in (r"\hat", r"\bar", r"\tilde", r"\vec", r"\dot") and rng.random() < .4:
            piece = rng.choice([r"\hat", r"\bar", r"\tilde", r"\dot", r"\vec", r"\overline"])
        elif piece in (r"\mathbf", r"\mathcal", r"\mathbb") and rng.random() < .3:
            piece = rng.choice([r"\mathbf", r"\mathrm", r"\boldsymbol"])
        font = piece.strip() in (r"\mathcal", r"\mathbb", r"\mathscr", r"\cal") or font and (piece in "{ " or piece.isspace())
        out.append(piece)
    return "".join(out)
