"""Random formulas in MathML, which Chromium sets itself."""
import random

LETTERS = "abcdefghijklmnpqrstuvwxyzABCDEFGHKLMNPRSTVXαβγδεθλμπρστφψωΓΔΘΛΣΦΨΩ"
OPERATORS = ("=", "=", "+", "−", "·", "×", "≤", "≥", "≈", "<", ">", "→", "∈", "≡")


def atom(r: random.Random) -> str:
    u = r.random()
    if u < .65:
        return f"<mi>{r.choice(LETTERS)}</mi>"
    if u < .85:
        return f"<mn>{r.choice((r.randint(0, 9), r.randint(10, 99), 0.5))}</mn>"
    return f"<mi mathvariant='normal'>{r.choice(('sin', 'cos', 'log', 'exp', 'max', 'min', '∂', '∇'))}</mi>"


def term(r: random.Random, depth: int) -> str:
    u = r.random()
    if depth <= 0 or u < .35:
        return atom(r)
    sub = lambda: row(r, depth - 1, 2)
    if u < .5:
        return f"<msub>{atom(r)}<mrow>{sub()}</mrow></msub>"
    if u < .62:
        return f"<msup>{atom(r)}<mrow>{sub()}</mrow></msup>"
    if u < .68:
        return f"<msubsup>{atom(r)}<mrow>{atom(r)}</mrow><mrow>{atom(r)}</mrow></msubsup>"
    if u < .8:
        return f"<mfrac><mrow>{row(r, depth - 1, 3)}</mrow><mrow>{row(r, depth - 1, 3)}</mrow></mfrac>"
    if u < .85:
        return f"<msqrt>{row(r, depth - 1, 3)}</msqrt>"
    if u < .93:
        return f"<munderover><mo>{r.choice('∑∏∫⋃')}</mo><mrow><mi>{r.choice('ijkn')}</mi><mo>=</mo><mn>{r.randint(0, 1)}</mn></mrow><mi>{r.choice('nmN∞')}</mi></munderover>{sub()}"
    if u < .97:
        return f"<mo>{r.choice('([|')}</mo>{row(r, depth - 1, 3)}<mo>{r.choice(')]|')}</mo>"
    n, m = r.randint(2, 4), r.randint(1, 4)
    cells = "".join("<mtr>" + "".join(f"<mtd>{atom(r)}</mtd>" for _ in range(m)) + "</mtr>" for _ in range(n))
    return f"<mo>(</mo><mtable>{cells}</mtable><mo>)</mo>"


def row(r: random.Random, depth: int, most: int) -> str:
    out = term(r, depth)
    for _ in range(r.randint(0, most)):
        out += f"<mo>{r.choice(OPERATORS)}</mo>" if r.random() < .8 else ""
        out += term(r, depth)
    return out


def formula(r: random.Random) -> str:
    return f'<math display="block">{term(r, 1)}<mo>{r.choice(OPERATORS[:1] * 3 + OPERATORS)}</mo>{row(r, r.randint(1, 3), r.randint(1, 6))}</math>'


def inline(r: random.Random) -> str:
    return f"<math>{row(r, 1, 2)}</math>"
