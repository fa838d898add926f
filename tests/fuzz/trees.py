"""Random formulas with a meaning of their own: printed as LaTeX, differentiated and evaluated here, not by derivs.

A formula is a tuple: ("num", q), ("name", "a"), ("size",), ("x", i), ("u", i), ("A", i, j), ("delta", i, j),
("neg", e), ("add" | "sub" | "mul" | "frac" | "max", e, f), ("abs", e), ("pow", e, k), ("sum", i, e).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any, Final

Tree = tuple[Any, ...]
Point = Mapping[Any, Fraction]                       # "a", ("x", 1), ("A", 1, 2)
LETTERS: Final = "ijklq"                            # p is what is differentiated by
SHARP: Final = ("max", "abs")


class NoValue(Exception):
    """A division by zero."""


# ---- random formulas -------------------------------------------------------------------------------------------------

def formula(rng: Random, depth: int, letters: tuple[str, ...], *, sharp: bool = True) -> Tree:
    """A formula whose free indices are among these letters. sharp: it may have kinks."""
    if depth <= 0 or rng.random() < 0.15:
        return leaf(rng, letters)
    free = [c for c in LETTERS if c not in letters]
    kind = rng.choice(("add", "add", "sub", "mul", "mul", "mul", "neg", "pow", "frac", "sum", "sum", "sum",
                       *(SHARP if sharp else ())))

    def part(more: tuple[str, ...] = ()) -> Tree:
        return formula(rng, depth - 1, (*letters, *more), sharp=sharp)

    if kind == "sum" and free:
        index = rng.choice(free)
        return ("sum", index, part((index,)))
    if kind == "neg" or kind == "abs":
        return (kind, part())
    if kind == "pow":
        return ("pow", part(), rng.choice((2, 2, 3)))
    if kind == "frac":
        below: Tree = ("add", ("num", Fraction(rng.randint(1, 3))), ("pow", leaf(rng, letters), 2))
        return ("frac", part(), rng.choice((below, ("num", Fraction(rng.randint(2, 5))), ("size",))))
    return (kind if kind != "sum" else "mul", part(), part())


def leaf(rng: Random, letters: tuple[str, ...]) -> Tree:
    """A number or an entry."""
    kinds = ["num", "name", "name", "size"] + (["x", "x", "u", "A"] if letters else []) + (
        ["delta"] if len(letters) > 1 else [])
    match rng.choice(kinds):
        case "num":
            return ("num", Fraction(rng.randint(0, 4)))
        case "name":
            return ("name", rng.choice("ab"))
        case "size":
            return ("size",)
        case "A":
            return ("A", rng.choice(letters), rng.choice(letters))
        case "delta":
            return ("delta", *rng.sample(letters, 2))
        case kind:
            return (kind, rng.choice(letters))


def changed(rng: Random, tree: Tree, letters: tuple[str, ...]) -> Tree:
    """The formula with one place written otherwise: often not the same any more."""
    places = [k for k, part in enumerate(tree) if isinstance(part, tuple)]
    if places and rng.random() < 0.8:
        k = rng.choice(places)
        more = (tree[1],) if tree[0] == "sum" else ()
        return (*tree[:k], changed(rng, tree[k], (*letters, *more)), *tree[k + 1:])
    match tree[0]:
        case "add" | "sub":
            return rng.choice([("sub" if tree[0] == "add" else "add", *tree[1:]), (tree[0], tree[2], tree[1]), tree[1]])
        case "mul":
            return rng.choice([("mul", tree[2], tree[1]), tree[1], ("add", *tree[1:])])
        case "frac" | "max":
            return rng.choice([(tree[0], tree[2], tree[1]), tree[1], tree])
        case "pow":
            return rng.choice([("pow", tree[1], tree[2] + 1), ("mul", tree[1], tree[1]), tree[1]])
        case "sum":
            return rng.choice([("mul", ("size",), ("sum", *tree[1:])), ("sum", tree[1], ("mul", tree[2], tree[2]))])
        case "x" | "u":
            return rng.choice([("x", rng.choice(letters)), ("u", rng.choice(letters))])
        case "A":
            return ("A", tree[2], tree[1])
        case "num":
            return ("num", tree[1] + rng.choice((-1, 1, 2)))
        case _:
            return ("neg", tree)


def rewritten(rng: Random, tree: Tree) -> Tree:
    """The same formula, written otherwise."""
    parts = tuple(rewritten(rng, part) if isinstance(part, tuple) else part for part in tree)
    match parts:
        case ("add" | "mul" | "max" as kind, left, right) if rng.random() < 0.5:
            return (kind, right, left)
        case ("sub", left, right) if rng.random() < 0.5:
            return ("neg", ("sub", right, left))
        case ("mul", ("add" | "sub" as kind, a, b), c) if rng.random() < 0.5:
            return (kind, ("mul", a, c), ("mul", b, c))
        case ("sum", i, ("add" | "sub" as kind, a, b)) if rng.random() < 0.6:
            return (kind, ("sum", i, a), ("sum", i, b))
        case ("pow", base, int(k)) if k > 1 and rng.random() < 0.5:
            return ("mul", base, ("pow", base, k - 1) if k > 2 else base)
        case ("frac", over, under) if rng.random() < 0.4:
            return ("mul", ("frac", ("num", Fraction(1)), under), over)
        case _:
            return parts


# ---- meaning ---------------------------------------------------------------------------------------------------------

def value(tree: Tree, point: Point, n: int, at: Mapping[str, int]) -> Fraction:
    """The exact value. Raises NoValue."""
    def of(part: Tree) -> Fraction:
        return value(part, point, n, at)

    match tree:
        case ("num", q):
            return Fraction(q)
        case ("name", name):
            return point[name]
        case ("size",):
            return Fraction(n)
        case ("x" | "u" as name, i):
            return point[name, at[i]]
        case ("A", i, j):
            return point["A", at[i], at[j]]
        case ("delta", i, j):
            return Fraction(at[i] == at[j])
        case ("neg", e):
            return -of(e)
        case ("add", e, f):
            return of(e) + of(f)
        case ("sub", e, f):
            return of(e) - of(f)
        case ("mul", e, f):
            return of(e) * of(f)
        case ("max", e, f):
            return max(of(e), of(f))
        case ("abs", e):
            return abs(of(e))
        case ("frac", e, f):
            over, under = of(e), of(f)
            if not under:
                raise NoValue
            return over / under
        case ("pow", e, k):
            return of(e) ** k
        case ("sum", i, e):
            return sum((value(e, point, n, {**at, i: k}) for k in range(1, n + 1)), Fraction(0))
    raise AssertionError(tree)


def derivative(tree: Tree, by: str, index: str) -> Tree:
    """The derivative by x_index (or u_index), or by a or b where the index is empty; no kinks."""
    zero, one = ("num", Fraction(0)), ("num", Fraction(1))

    def of(part: Tree) -> Tree:
        return derivative(part, by, index)

    match tree:
        case (name, i) if name == by:
            return ("delta", i, index)
        case ("name", name) if name == by:
            return one
        case ("neg", e):
            return ("neg", of(e))
        case ("add" | "sub" as kind, e, f):
            return (kind, of(e), of(f))
        case ("mul", e, f):
            return ("add", ("mul", of(e), f), ("mul", e, of(f)))
        case ("frac", e, f):
            return ("frac", ("sub", ("mul", of(e), f), ("mul", e, of(f))), ("pow", f, 2))
        case ("pow", e, k):
            return ("mul", ("mul", ("num", Fraction(k)), ("pow", e, k - 1) if k > 1 else one), of(e))
        case ("sum", i, e):
            return ("sum", i, of(e))
        case _:
            return zero


def tidied(tree: Tree) -> Tree:
    """Without 0 and 1 that say nothing, as people write; sums over a delta done."""
    tree = tuple(tidied(part) if isinstance(part, tuple) else part for part in tree)
    zero, one = ("num", Fraction(0)), ("num", Fraction(1))
    match tree:
        case ("mul", e, f) if zero in (e, f):
            return zero
        case ("mul", e, f) if one in (e, f):
            return f if e == one else e
        case ("add", e, f) if zero in (e, f):
            return f if e == zero else e
        case ("sub", e, f) if f == zero:
            return e
        case ("neg", e) | ("frac", e, _) | ("sum", _, e) if e == zero:
            return zero
        case ("sum", i, ("delta", j, k)) if i in (j, k) and j != k:
            return one
        case _:
            return tree


def sample(rng: Random, n: int) -> dict[Any, Fraction]:
    """Small rational entries."""
    def number() -> Fraction:
        return Fraction(rng.randint(-5, 5), rng.randint(1, 3))

    at = range(1, n + 1)
    return {"a": number(), "b": number(), **{("x", i): number() for i in at}, **{("u", i): number() for i in at},
            **{("A", i, j): number() for i in at for j in at}}


def differ(left: Tree, right: Tree, letters: tuple[str, ...], rng: Random, times: int = 1) -> bool:
    """Whether a point is found where both have a value and these differ."""
    sizes = (1, 1, 2, 2, 3, 3, 5, 1, 2, 2, 3) if max(depth_of_sums(left), depth_of_sums(right)) < 3 else (
        1, 2, 2, 3)
    for n in sizes * times:
        point = sample(rng, n)
        for at in _places(letters, n):
            try:
                if value(left, point, n, at) != value(right, point, n, at):
                    return True
            except NoValue:
                continue
    return False


def _places(letters: tuple[str, ...], n: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = [{}]
    for letter in letters:
        found = [{**at, letter: k} for at in found for k in range(1, n + 1)]
    return found


def size_of(tree: Tree) -> int:
    """How many nodes there are."""
    return 1 + sum(size_of(part) for part in tree if isinstance(part, tuple))


def depth_of_sums(tree: Tree) -> int:
    """How many sums stand inside each other."""
    return (tree[0] == "sum") + max((depth_of_sums(part) for part in tree if isinstance(part, tuple)), default=0)


# ---- on paper --------------------------------------------------------------------------------------------------------

SUM, PRODUCT, FACTOR, BASE = range(4)                # how tightly a place binds


def latex(tree: Tree, rng: Random, place: int = SUM) -> str:
    """The formula as somebody might write it."""
    text, own = _written(tree, rng)
    return text if own >= place else _bracketed(text, rng)


def _bracketed(text: str, rng: Random) -> str:
    left, right = rng.choice((("(", ")"), ("(", ")"), (r"\left(", r"\right)"), (r"\bigl(", r"\bigr)"), ("[", "]"),
                              (r"\left[", r"\right]")))
    return f"{left} {text} {right}"


def _written(tree: Tree, rng: Random) -> tuple[str, int]:
    match tree:
        case ("num", q):
            return (str(q), BASE) if q >= 0 else (str(q), SUM)
        case ("name", name):
            return name, BASE
        case ("size",):
            return "n", BASE
        case ("x" | "u" as name, i):
            return rng.choice((f"{name}_{i}", f"{name}_{{{i}}}")), BASE
        case ("A", i, j):
            return rng.choice((f"A_{{{i}{j}}}", f"A_{{{i},{j}}}", f"A_{{{i} {j}}}")), BASE
        case ("delta", i, j):
            return rng.choice((rf"\delta_{{{i}{j}}}", rf"\delta_{{{i},{j}}}", rf"\mathbb{{1}}\{{{i} = {j}\}}")), BASE
        case ("neg", e):
            return f"-{latex(e, rng, PRODUCT)}", SUM
        case ("add", e, f):
            return f"{latex(e, rng)} + {latex(f, rng, PRODUCT)}", SUM
        case ("sub", e, f):
            return f"{latex(e, rng)} - {latex(f, rng, PRODUCT)}", SUM
        case ("mul", e, f):
            left, right = latex(e, rng, FACTOR), latex(f, rng, PRODUCT)
            sign = r" \cdot " if right[:1].isdigit() else rng.choice((" ", " ", r" \cdot ", r" \, "))
            return left + sign + right, PRODUCT
        case ("max", e, f):
            return rf"\max({latex(e, rng)}, {latex(f, rng)})", FACTOR
        case ("abs", e):
            return rng.choice((r"\left|{}\right|", r"\lvert {} \rvert")).format(latex(e, rng)), FACTOR
        case ("frac", e, f):
            command = rng.choice((r"\frac", r"\frac", r"\tfrac", r"\dfrac"))
            return f"{command}{{{latex(e, rng)}}}{{{latex(f, rng)}}}", FACTOR
        case ("pow", e, k):
            if e[0] in ("x", "u", "A", "delta", "name", "size", "num"):
                return f"{latex(e, rng, BASE)}^{{{k}}}" if e[0] != "delta" else f"({latex(e, rng)})^{k}", FACTOR
            return f"{_bracketed(latex(e, rng), rng)}^{rng.choice((f'{k}', f'{{{k}}}'))}", FACTOR
        case ("sum", i, e):
            return rf"\sum_{{{i}=1}}^{rng.choice(('n', '{n}'))} {latex(e, rng, PRODUCT)}", PRODUCT
    raise AssertionError(tree)
