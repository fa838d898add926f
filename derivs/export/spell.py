"""Nodes as expressions of Python, in the brackets they need: sizes, elementwise operations, contractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from derivs.affine import Affine
from derivs.errors import Unsupported
from derivs.export.plan import Node, number
from derivs.export.spellings import COMPARISONS, FUNCTIONS, MODULE, TARGETS, TURNED, Target

# How tightly an expression binds, as in Python.
COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)


@dataclass(slots=True)
class Speller:
    """Writes nodes as expressions. names: of what has been computed; letters: of tensors and sizes; like: any array.

    used: what the text needs to be imported or defined; sizes: the letters of the sizes that it speaks of.
    """

    target: Target
    letters: Mapping[str, str]
    names: dict[Node, str] = field(default_factory=dict)
    like: str = ""
    used: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)

    @property
    def np(self) -> str:
        return MODULE[self.target]

    def write(self, node: Node, least: int = COMPARE) -> str:
        """The node as an expression, in brackets where it binds less tightly than `least`."""
        text, binds = self.parts(node)
        return text if binds >= least else f"({text})"

    def parts(self, node: Node) -> tuple[str, int]:
        """The expression and how tightly it binds."""
        if node in self.names:
            return self.names[node], ATOM
        match node.op:
            case "number":
                return _number(node.data)
            case "size":
                return self.form(node.data)
            case "pi":
                self.used.add("math")
                return "math.pi", ATOM
            case "map":
                return self._map(node)
            case "contract":
                return self._contract(node)
            case _:
                from derivs.export.spell_axes import WRITERS
                return WRITERS[node.op](self, node), ATOM

    # ---- sizes

    def form(self, form: Affine) -> tuple[str, int]:
        """An integer form in Python."""
        self.sizes |= form.names
        terms = sorted((t for t in form.terms if t[0]), key=lambda t: (t[1] < 0, t[0]))
        pieces = []
        for monomial, c in terms:
            letters = " * ".join(self.letters.get(name, name) for name in monomial)
            pieces.append((c, letters if abs(c) == 1 else f"{abs(c)} * {letters}"))
        if form.constant or not pieces:
            pieces.append((form.constant, str(abs(form.constant))))
        text = "".join((" - " if c < 0 else " + ") + piece for c, piece in pieces)
        text = ("-" if pieces[0][0] < 0 else "") + text[3:]
        binds = SUM if len(pieces) > 1 else PRODUCT if " * " in text else SIGN if text[0] == "-" else ATOM
        return text, binds

    def length(self, form: Affine) -> str:
        return self.form(form)[0]

    # ---- elementwise

    def _map(self, node: Node) -> tuple[str, int]:
        function, places = node.data
        if function == "add":
            return self._add(node), SUM
        if function == "mul":
            return self._mul(node)
        if function == "reciprocal":
            return f"1 / {self.aligned(node, 0, SIGN)}", PRODUCT
        if function == "power":
            return f"{self.aligned(node, 0, ATOM)}**{self.aligned(node, 1, POWER)}", POWER
        if function in COMPARISONS:
            if node.args[0].op == "number" and node.args[1].op != "number":
                return f"{self.aligned(node, 1, SUM)} {TURNED[function]} {self.aligned(node, 0, SUM)}", COMPARE
            return f"{self.aligned(node, 0, SUM)} {COMPARISONS[function]} {self.aligned(node, 1, SUM)}", COMPARE
        if function in ("and", "or"):
            sign = " & " if function == "and" else " | "
            return sign.join(f"({self.aligned(node, k)})" for k in range(len(places))), COMPARE
        if function == "not":
            return f"~({self.aligned(node, 0)})", SIGN
        if function == "leaky_relu":
            u, a = self.aligned(node, 0), self.aligned(node, 1, SIGN)
            return f"{self.np}.where({self.aligned(node, 0, SUM)} >= 0, {u}, {a} * {self.aligned(node, 0, SIGN)})", ATOM
        if function == "as_real":
            method = "to" if self.target == "torch" else "astype"
            return f"{self.write(node.args[0], ATOM)}.{method}({self.write(node.args[1], ATOM)}.dtype)", ATOM
        if function.startswith("call "):
            return f"{self.letters[function[5:]]}({self.aligned(node, 0)})", ATOM
        if function == "sqrt" and _is_scalar(node):
            self.used.add("math")
            return f"math.sqrt({self.write(node.args[0])})", ATOM
        row = FUNCTIONS.get(function)
        if row is None:
            raise Unsupported(f"{function} has no spelling in {self.target}")
        text = row[TARGETS.index(self.target)]
        self.used.add(function)
        atom = "-({0})" in text
        arguments = [self.aligned(node, k) for k in range(len(places))]
        if atom:
            arguments = [self.aligned(node, 0, SIGN)]
            text = text.replace("-({0})", "-{0}").replace("--", "")
        return text.format(*arguments), SIGN if text[0] == "-" else ATOM

    def aligned(self, node: Node, k: int, least: int = COMPARE) -> str:
        """The k-th operand, with axes of length 1 where it is broadcast along an axis that is not in front."""
        arg, places = node.args[k], node.data[1][k]
        n = node.ndim
        if (arg not in self.names and arg.op == "map" and arg.data[0] == "mul" and arg.args[0].op == "number"
                and arg.args[0].data < 0 and least <= PRODUCT):
            rest = Node("map", (_negated(arg),), node.shape, ("", (places,)))        # x - mu[:, None], not (-mu)
            return "-" + self.aligned(rest, 0, PRODUCT)
        if not places or places == tuple(range(n - len(places), n)):
            return self.write(arg, least)
        if (arg.op == "reduce" and arg not in self.names and arg.args[0].ndim == n
                and sorted((*places, *arg.data[1])) == list(range(n))):
            from derivs.export.spell_axes import reduce
            return reduce(self, arg, keep=True)
        marks = ", ".join(":" if axis in places else "None" for axis in range(places[0], n))
        return f"{self.write(arg, ATOM)}[{marks}]"

    def _add(self, node: Node) -> str:
        terms: list[tuple[bool, str]] = []
        for k in sorted(range(len(node.args)), key=lambda k: -node.args[k].ndim):
            text = self.aligned(node, k, PRODUCT)
            terms.append((text.startswith("-"), text.removeprefix("-")))
        terms.sort(key=lambda term: term[0])                       # what is subtracted comes last
        text = "".join((" - " if minus else " + ") + term for minus, term in terms)
        return ("-" if terms[0][0] else "") + text[3:]

    def _mul(self, node: Node) -> tuple[str, int]:
        args = node.args
        over: list[str] = []
        vectors = {places: arg for arg, places in zip(args, node.data[1], strict=True) if arg.op != "number"}
        if set(vectors) == {(0,), (1,)} and len(args) - (args[0].op == "number") == 2:
            sign, top, bottom = _coefficient(args[0].data) if args[0].op == "number" else ("", [], [])
            outer = f"{self.np}.outer({self.write(vectors[0,])}, {self.write(vectors[1,])})"
            text = " * ".join([*top, outer]) + "".join(f" / {b}" for b in bottom)
            return sign + text, PRODUCT if text != outer or sign else ATOM
        under: list[str] = []
        sign = ""
        several = sum(arg.op != "number" and not (arg.op == "map" and arg.data[0] == "reciprocal") for arg in args)
        for k, arg in enumerate(args):
            if arg.op == "number":
                sign, top, bottom = _coefficient(arg.data)
                over, under = over + top, under + bottom
            elif arg.op == "map" and arg.data[0] == "reciprocal" and arg not in self.names:
                inner = Node("map", (arg.args[0],), node.shape, ("", (node.data[1][k],)))
                under.append(self.aligned(inner, 0, PRODUCT))
            else:
                alone = not over and (arg.op != "contract" or several <= 1)             # (a @ b) * c, but a @ b / c
                over.append(self.aligned(node, k, PRODUCT if alone else SIGN))
        bottom_text = " * ".join(f"({u})" if is_open(u) and len(under) > 1 and "/" in u else u for u in under)
        text = " * ".join(over) or "1"
        if under:
            text += f" / ({bottom_text})" if len(under) > 1 or is_open(under[0]) else f" / {bottom_text}"
        return sign + text, PRODUCT

    # ---- contractions

    def _contract(self, node: Node) -> tuple[str, int]:
        letters, out = node.data
        if len(node.args) == 2:
            found = self._matrix_product(node.args, letters, out)
            if found is not None:
                return found
        names = axis_letters(node.hint, sorted({axis for axes in letters for axis in axes}))
        order = sorted(range(len(node.args)), key=lambda k: _einsum_rank(node.args[k], letters[k], out))
        subscripts = ",".join("".join(names[axis] for axis in letters[k]) for k in order)
        arguments = ", ".join(self.write(node.args[k]) for k in order)
        optimize = ", optimize=True" if self.target == "numpy" else ""
        return f"{self.np}.einsum('{subscripts}->{''.join(names[a] for a in out)}', {arguments}{optimize})", ATOM

    def _matrix_product(self, args: Sequence[Node], letters: Sequence[tuple[int, ...]], out: tuple[int, ...]
                        ) -> tuple[str, int] | None:
        """a @ b for vectors and matrices with one shared axis, which is summed."""
        found: list[str] = []
        for a, b in ((0, 1), (1, 0)):
            left, right = letters[a], letters[b]
            shared = set(left) & set(right)
            if len(shared) != 1 or not shared.isdisjoint(out) or len(left) > 2 or len(right) > 2:
                return None
            (j,) = shared
            if (*(x for x in left if x != j), *(x for x in right if x != j)) != out:
                continue
            first = self.write(args[a], PRODUCT) if left[-1] == j else self.write(args[a], ATOM) + ".T"
            second = self.write(args[b], SIGN) if right[0] == j else self.write(args[b], ATOM) + ".T"
            found.append(f"{first} @ {second}")
        return (min(found, key=lambda text: text.count(".T")), PRODUCT) if found else None


def _negated(node: Node) -> Node:
    """The product without its minus sign."""
    coefficient: Fraction = -node.args[0].data
    front = () if coefficient == 1 else (number(coefficient),)
    args: tuple[Node, ...] = (*front, *node.args[1:])
    if len(args) == 1:
        return args[0]
    places = node.data[1] if coefficient != 1 else node.data[1][1:]
    return Node("map", args, node.shape, ("mul", places))


def _einsum_rank(arg: Node, letters: Sequence[int], out: Sequence[int]) -> int:
    """Windows stand first where their inner axes are summed, else last: so NumPy copies them row by row, measured."""
    if arg.op != "windows":
        return 1
    return 0 if set(letters[-len(arg.data):]).isdisjoint(out) else 2


def axis_letters(hint: Sequence[str], axes: Sequence[int]) -> dict[int, str]:
    """A letter for every axis of an einsum: that of the index, where it is one."""
    found: dict[int, str] = {}
    for axis in axes:
        wish = hint[axis] if axis < len(hint) else ""
        own = [wish] if len(wish) == 1 and wish.isascii() and wish.isalpha() else []
        letters = [*own, *"ijklmnpqrstuvabcdefgh"]
        found[axis] = next(letter for letter in letters if letter not in found.values() and (
            letter == wish or letter not in hint))
    return found


def is_open(text: str) -> bool:
    """Whether it is a product or a quotient outside of all brackets."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and c in "*/@" and text[k - 1] == " ":
            return True
    return False


def _is_scalar(node: Node) -> bool:
    """Whether it is made of sizes and numbers alone."""
    if node.op in ("size", "number", "pi"):
        return True
    return node.op == "map" and not node.ndim and bool(node.args) and all(map(_is_scalar, node.args))


def _number(value: Fraction) -> tuple[str, int]:
    """0.5, 2, 0.044715; 1 / 3 where it has no end."""
    if value.denominator == 1:
        text = str(value.numerator)
    else:
        rest = value.denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if rest != 1:
            return f"{value.numerator} / {value.denominator}", PRODUCT
        text = repr(float(value))
    return text, SIGN if value < 0 else ATOM


def _coefficient(value: Fraction) -> tuple[str, list[str], list[str]]:
    """The sign, what stands over the bar and what below it."""
    sign = "-" if value < 0 else ""
    value = abs(value)
    text, binds = _number(value)
    if binds == ATOM:
        return sign, [] if value == 1 else [text], []
    return sign, [] if value.numerator == 1 else [str(value.numerator)], [str(value.denominator)]
