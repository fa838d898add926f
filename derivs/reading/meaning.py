r"""From what is written to what it means: a tree of `derivs.expr`, with the axes that the author left open.

Names are looked up in the exercise's vocabulary; bound letters before free ones; nothing is guessed. What has more
than one honest reading is a choice (`derivs.reading.choices`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction as Rational
from typing import Final

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, affine, symbol
from derivs.differentiate import differentiate
from derivs.errors import Mismatch, Unreadable
from derivs.expr import (
    ONE,
    Apply,
    Cases,
    Condition,
    Delta,
    Entry,
    Expectation,
    Expr,
    Integer,
    Largest,
    Mul,
    Tree,
    add,
    children,
    divide,
    mul,
    names_in,
    negate,
    number,
    power,
    reindex,
    replace_entries,
    subtract,
)
from derivs.expr import Indicator as Holds
from derivs.expr import Sum as SumOver
from derivs.reading import functions
from derivs.reading.choices import Option
from derivs.reading.conditions import condition_of, indicator, is_otherwise, words
from derivs.reading.dots import ellipsis, is_dots
from derivs.reading.forms import form, own_name
from derivs.reading.introduce import written
from derivs.reading.naming import named, number_of, rows, scripted
from derivs.reading.quotients import derivative, quotient
from derivs.reading.signs import combine, folded
from derivs.reading.spelling import bare, items, key, letters, spelled
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import (
    Accent,
    Big,
    Fraction,
    Group,
    Matrix,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Root,
    Row,
    Scripts,
    Sign,
    Styled,
    Sum,
    Text,
    Word,
)
from derivs.reading.syntax import Cases as Branches
from derivs.reading.value import Axis, Value, at, elementwise, fresh, inner, mapped, renewed, total, transposed
from derivs.reading.vocabulary import Formula, Named, Spelling

PLAIN = Option("")
TO_THE_END = Option("the operator acts on all that follows", "write brackets around what is differentiated")
WHOLE_TERM = Option("the function is taken of the whole product after it", "write brackets around its argument")
BOUND: Final = "a bound is a number, the length of an axis, or a sum of such"
ONES: Final = frozenset({"1", "I", "mathbb{1}"})


def read(s: State, node: Node, bound: Bound) -> Value:
    """The meaning of an expression. Raises Unreadable for what is not understood, Mismatch where sizes do not fit."""
    try:
        return _read(s, node, bound)
    except Mismatch as error:
        if error.span is None:
            error.span = node.span
        raise


def _read(s: State, node: Node, bound: Bound) -> Value:
    if s.vocabulary.phrases and (phrase := s.vocabulary.phrases.get(key(node))) is not None:
        return s.read(phrase, bound)
    match node:
        case Styled() | Name() | Word() | Accent() | Scripts():
            return _atom(s, node, bound)
        case Numeral(text):
            return Value(number(Rational(text)))
        case Sum(terms):
            return _sum(s, terms, node, bound)
        case Product(parts):
            return product(s, parts, bound)
        case Fraction(over, under):
            return _fraction(s, node, over, under, bound)
        case Root(body, degree):
            exponent = Rational(1, 2) if degree is None else 1 / Rational(_whole(degree))
            return mapped(s.read(body, bound), lambda u: power(u, exponent))
        case Group():
            return _group(s, node, bound)
        case Big():
            return _big(s, node, bound)
        case Branches(rows):
            return _cases(s, rows, node, bound)
        case Relation():
            raise unread("a relation stands where a number is expected", node)
        case Text(text):
            what = "the dots leave out" if "..." in text else f"{text.strip()!r} leaves open"
            raise unread(f"{what} what a formula must say", node, r"write the sum with \sum")
        case Matrix():
            raise unread("a matrix written out entry by entry is not read yet", node, "write its entry a_{ij}")
        case Row():
            raise unread("several things stand where one is expected", node)
        case Sign():
            raise unread(f"nothing stands beside the sign {node.text}", node)


def _whole(node: Node) -> int:
    text = key(node)
    if not text.isdigit() or not 2 <= int(text) <= 64:
        raise unread("the degree of a root is a number such as 3", node)
    return int(text)


# ---- names -----------------------------------------------------------------------------------------------------------

def _atom(s: State, node: Node, bound: Bound) -> Value:
    value = named(s, node, bound)
    if value is None:
        value = _special(s, node, bound)
    if value is None and _may_be_number(s, node, bound):
        value = number_of(s, node, bound)
    if value is not None:
        return value
    inside = bare(node)
    if isinstance(inside, Scripts):
        base = bare(inside.base)
        if inside.below is None and not inside.primes and inside.above is not None and (
                count := number_of(s, inside.base, bound)) is not None:
            return scripted(s, count, items(inside.above), node, bound)                  # n^2
        if isinstance(base, Name | Word | Accent) and spelled(node) is not None:
            function = functions.function(s, node)
            if function is not None:
                raise unread(f"{key(inside.base)} is a function; what is it applied to?", node)
            raise _unknown(s, node)
        return _scripts(s, inside, base, bound)
    if functions.function(s, node) is not None:
        raise unread(f"{key(node)} is a function; what is it applied to?", node, "write its argument in brackets")
    if spelled(node) is None:
        return s.read(inside, bound)
    raise _unknown(s, node)


def _may_be_number(s: State, node: Node, bound: Bound) -> bool:
    """A size, a bound index, or a letter that may turn out to be a free index of the line."""
    name = key(node)
    return name in bound or name in s.vocabulary.sizes or name in s.vocabulary.indices or (
        len(name) == 1 and name.islower() and not s.vocabulary.has_base(name) and functions.function(s, node) is None)


def _unknown(s: State, node: Node) -> Unreadable:
    name = spelled(node)
    assert name is not None
    known = s.vocabulary.spellings.get(name.base)
    if known and len(known) == 1 and len(name.below) + len(name.above) > 0:
        rank = len(known[0].named.sizes)
        return unread(f"{known[0].said} has {rank} {'index' if rank == 1 else 'indices'}, this has other ones", node)
    return unread(f"{written(node)} is not declared", node, s.vocabulary.suggestion(name))


def _special(s: State, node: Node, bound: Bound) -> Value | None:
    """e, pi, e^x, Kronecker's delta, the unit matrix, the vector of ones: unless the exercise declares them."""
    inside = bare(node)
    base = inside.base if isinstance(inside, Scripts) else inside
    below = inside.below if isinstance(inside, Scripts) else None
    above = inside.above if isinstance(inside, Scripts) else None
    name = key(base)
    if name in ("e", "exp") and above is not None and below is None and not s.vocabulary.has_base(name):
        if name == "exp":
            s.slip(functions.EXPONENT, "write e^{...} or \\exp(...)", node)
        return mapped(s.read(above, bound), lambda u: Apply("exp", (u,)))
    if name == "e" and inside is base:
        return Value(Apply("exp", (ONE,)))
    if name == "pi" and inside is base:
        return Value(Apply("pi", ()))
    if name == "delta" and isinstance(inside, Scripts):
        return _kronecker(s, inside, bound)
    if _is_one(node) and below is not None:
        return _indicator_below(s, below, above, node, bound)
    if (name == "1" and isinstance(_without_scripts(node), Styled)) or name in ("I", "mathbb{I}", "1"):
        return _unit(s, node, name, above, bound)
    return None


def _without_scripts(node: Node) -> Node:
    return node.base if isinstance(node, Scripts) else node


def _is_one(node: Node) -> bool:
    """1 or I, in whatever typeface, as people write an indicator."""
    inside = bare(node)
    base = inside.base if isinstance(inside, Scripts) else inside
    return key(base) in ("1", "I", "chi")


def _indicator_below(s: State, below: Node, above: Node | None, node: Node, bound: Bound) -> Value:
    """1_{x > 0}; or the vector of n ones, 1_n."""
    inside = bare(below)
    inside = inside.items[0] if isinstance(inside, Group) and len(inside.items) == 1 else inside
    if isinstance(inside, Relation | Row) and not all(isinstance(i, Name) for i in items(inside)):
        return indicator(s, inside, bound)
    size = form(s, below, bound)
    if size is None:
        raise unread("this is neither a condition nor a size", below)
    name = key(bare(node).base) if isinstance(bare(node), Scripts) else ""  # type: ignore[union-attr]
    first, second = Axis(fresh(), size), Axis(fresh(), size)
    value = (Value(Delta(symbol(first.index), symbol(second.index)), (first, second)) if name == "I"
             else Value(ONE, (first,)))
    return value if above is None else scripted(s, value, (above,), node, bound)


def _unit(s: State, node: Node, name: str, above: Node | None, bound: Bound) -> Value | None:
    if name == "I":
        first, second = Axis(fresh(), None), Axis(fresh(), None)
        value = Value(Delta(symbol(first.index), symbol(second.index)), (first, second))
    elif isinstance(_without_scripts(node), Styled):
        value = Value(ONE, (Axis(fresh(), None),))
    else:
        return None
    return value if above is None else scripted(s, value, (above,), node, bound)


def _kronecker(s: State, node: Scripts, bound: Bound) -> Value | None:
    r"""\delta_{ij}, \delta_{i,j}, \delta^i_j, \delta_{i=j}."""
    if node.below is not None and isinstance(bare(node.below), Relation):
        return indicator(s, node.below, bound)
    below, above = items(node.below), items(node.above)
    places = letters(below[0]) if len(below) == 1 else below
    if len(places) == 1 and len(above) == 1:
        places, above = (*places, *above), ()          # \delta^i_j
    elif not below and len(above) == 1:
        places, above = letters(above[0]), ()          # \delta^{ij}
    if len(places) != 2:
        return None
    return scripted(s, _equal_places(s, places, node, bound), above, node, bound)


def _equal_places(s: State, places: Sequence[Node], node: Node, bound: Bound) -> Value:
    """1 where two indices are equal."""
    sides = [form(s, place, bound, subscript=True) for place in places]
    if sides[0] is None or sides[1] is None:
        return indicator(s, Relation(tuple(places), ("=",), (node.span,), node.span), bound)
    return Value(Delta(sides[0], sides[1]))


# ---- sums, fractions, brackets ---------------------------------------------------------------------------------------

def _sum(s: State, terms: Sequence[tuple[int, Node]], node: Node, bound: Bound) -> Value:
    if any(is_dots(term) for _, term in terms):
        return s.read(ellipsis(terms, node), bound)
    result: Value | None = None
    for sign, term in terms:
        if not sign:
            raise unread("± leaves open which sign is meant", node)
        value = s.read(term, bound)
        value = value if sign > 0 else mapped(value, negate)
        if result is None:
            result = value
        else:
            try:
                result = elementwise(result, value, add, "the sum")
            except Mismatch as error:
                error.span = term.span
                raise
    assert result is not None
    return result


def _fraction(s: State, node: Fraction, over: Node, under: Node, bound: Bound) -> Value:
    found = quotient(s, node)
    if found is not None:
        if found.of is None:
            raise unread("nothing stands after the operator", node, "write what is differentiated")
        return derivative(s, s.read(found.of, bound), found.by, bound)
    above, below = s.read(over, bound), s.read(under, bound)
    return elementwise(above, below, divide, "the fraction")


def _group(s: State, node: Group, bound: Bound) -> Value:
    if node.kind == "<":
        if len(node.items) != 2:
            raise unread("an inner product has two parts", node)
        return inner(s.read(node.items[0], bound), s.read(node.items[1], bound))
    if len(node.items) != 1:
        raise unread("several things stand in these brackets", node)
    inside = node.items[0]
    if node.kind == "|":
        size = s.vocabulary.sets.get(key(inside))
        if size is not None:
            return Value(Integer(size[1] - size[0] + 1))
        return mapped(s.read(inside, bound), lambda u: Apply("abs", (u,)))
    if node.kind == "\\|":
        return functions.norm(s, s.read(inside, bound), None, node)
    if node.kind == "floor":
        raise unread("the integer part is not read yet", node)
    if isinstance(bare(inside), Relation):
        return indicator(s, inside, bound)
    return s.read(inside, bound)


def _scripts(s: State, node: Scripts, base: Node, bound: Bound) -> Value:
    """Brackets with something after them: a power, a transpose, an index, the kind of a norm."""
    above = items(node.above)
    if node.primes and s.vocabulary.operators.get("'") == "transpose":
        return transposed(s.read(base, bound), rows(s))
    if node.primes:
        raise unread("a prime after brackets is not understood", node)
    if isinstance(base, Group) and base.kind == "\\|":
        if above and key(above[0]) == "2":                    # smooth at 0 too, where the norm is not
            square = functions.norm_squared(s, s.read(base.items[0], bound), node.below, base)
            return scripted(s, square, above[1:], node, bound)
        return scripted(s, functions.norm(s, s.read(base.items[0], bound), node.below, base), above, node, bound)
    value = s.read(base, bound)
    if node.below is not None:
        value = indexed(s, value, node.below, node, bound)
    return scripted(s, value, above, node, bound)


def indexed(s: State, value: Value, below: Node, node: Node, bound: Bound) -> Value:
    """Entries of an expression: (A x)_i, [A B]_{ij}."""
    places = items(below)
    if len(places) < value.rank:
        places = tuple(part for place in places for part in letters(place))
    if len(places) != value.rank:
        raise Mismatch(f"{len(places)} subscripts after {value}")
    forms: list[Affine | None] = []
    for place in places:
        found = None if key(place) in (":", "cdot") else form(s, place, bound)
        if found is None and key(place) not in (":", "cdot"):
            raise unread("this is no index", place)
        forms.append(None if found is None else found + (1 - s.vocabulary.index_base))
    return at(value, forms)


def _cases(s: State, branch_rows: Sequence[tuple[Node, Node | None]], node: Node, bound: Bound) -> Value:
    branches: list[tuple[Value, Value | None]] = []
    for value, condition in branch_rows:
        test = None if is_otherwise(condition) else indicator(s, condition, bound)  # type: ignore[arg-type]
        branches.append((s.read(value, bound), test))
    if any(test is None for _, test in branches[:-1]):
        raise unread('"otherwise" belongs to the last case', node)
    parts = [part for pair in branches for part in pair if part is not None]
    rank = max(part.rank for part in parts)
    frame = next(part for part in parts if part.rank == rank)
    aligned = [(_aligned(frame, value), None if test is None else _aligned(frame, test)) for value, test in branches]
    if any(test is not None and not isinstance(test, Holds) for _, test in aligned):
        return Value(_by_labels(aligned, node), frame.axes, frame.turn)
    tests: list[tuple[Expr, Condition]] = [(value, condition_of(Value(test))) for value, test in aligned
                                           if test is not None]
    otherwise = aligned[-1][0] if aligned[-1][1] is None else None
    return Value(Cases(tuple(tests), otherwise), frame.axes, frame.turn)


def _by_labels(branches: Sequence[tuple[Expr, Expr | None]], node: Node) -> Expr:
    """Two cases told apart by a label: t a + (1 - t) b."""
    if len(branches) != 2 or branches[0][1] is None:
        raise unread("cases by a label are read where there are two of them", node)
    (first, _), (second, _) = branches
    test = branches[0][1]
    return add(mul(test, first), mul(subtract(ONE, test), second))


def _aligned(frame: Value, value: Value) -> Expr:
    if value.rank == 0:
        return value.body
    if value.rank != frame.rank:
        raise Mismatch(f"the cases: {frame} and {value}")
    for a, b in zip(frame.axes, value.axes, strict=True):
        if a.size is not b.size:
            raise Mismatch(f"the cases: {frame} and {value}")
    return reindex(value.body,  # type: ignore[no-any-return]
                   {b.index: symbol(a.index) for a, b in zip(frame.axes, value.axes, strict=True)})


# ---- binders ---------------------------------------------------------------------------------------------------------

def _big(s: State, node: Big, bound: Bound) -> Value:
    """A sum or a maximum over the letters below the sign."""
    if node.kind in ("prod", "int", "argmax", "argmin"):
        said = {"prod": "a product over an index", "int": "an integral"}.get(node.kind, node.kind)
        raise unread(f"{said} is not read yet", node)
    if node.below is None:
        return _over_everything(s, node, bound)
    binders = _binders(s, node, bound)
    names = [name for name, _, _ in binders.ranges]
    inside = bound | frozenset(names)
    value = s.read(node.body, inside)
    for name in names:
        if name in s.letters or name in bound:
            s.captured.setdefault(name, node.below.span)
    body = value.body
    conditions = [indicator(s, condition, inside) for condition in binders.conditions]
    if any(c.rank for c in conditions):
        raise unread("a condition on a whole vector stands below the sign", node)
    for condition in conditions:
        body = mul(condition.body, body)
    if conditions and node.kind != "sum":
        raise unread("a maximum with a condition is not read yet", node)
    for letter, low, high in reversed(binders.ranges):
        name = own_name(s, letter)
        if low is None or high is None:
            low, high = _range(s, name, body, node)
        match node.kind:
            case "sum":
                body = SumOver(name, low, high, body)
            case "max":
                body = Largest(name, low, high, body)
            case _:
                body = negate(Largest(name, low, high, negate(body)))
    return Value(body, value.axes, value.turn)


class _Binders:
    """The letters below a sign with their ranges, and the conditions there."""

    def __init__(self) -> None:
        self.ranges: list[tuple[str, Affine | None, Affine | None]] = []
        self.conditions: list[Node] = []


def _binders(s: State, node: Big, bound: Bound) -> _Binders:
    found = _Binders()
    assert node.below is not None
    parts = items(node.below)
    for part in parts:
        if isinstance(part, Text) and words(part.text) in ("", ",", "and"):
            continue
        if not isinstance(part, Relation):
            for letter in (part,) if isinstance(part, Name | Scripts) else letters(part):
                _bind(s, found, letter, None, None)
            continue
        _relation(s, found, part, bound)
    if not found.ranges:
        raise unread("no index letter stands below the sign", node)
    if node.above is not None and key(node.above) not in ("",):
        lows = {low for _, low, _ in found.ranges if low is not None}
        if len(lows) > 1 or (len(found.ranges) > 1 and not lows):
            raise unread("it is not clear which letter the upper bound is of", node.above, "write one sign for each")
        upper = form(s, node.above, bound)
        if upper is None:
            raise unread("this is no bound", node.above, BOUND)
        shift = 1 - s.vocabulary.index_base
        low = next(iter(lows), affine(1))
        found.ranges = [(name, low, upper + shift) for name, _, _ in found.ranges]
    return found


def _bind(s: State, found: _Binders, letter: Node, low: Affine | None, high: Affine | None) -> None:
    name = key(letter)
    if not isinstance(bare(letter), Name | Scripts):
        raise unread("an index letter is expected below the sign", letter)
    found.ranges.append((name, low, high))


def _relation(s: State, found: _Binders, part: Relation, bound: Bound) -> None:
    """i = 1, i = 1..n, 1 <= i <= n, i in S, i != j."""
    shift = 1 - s.vocabulary.index_base
    left, sign = part.sides[0], part.signs[0]
    right = part.sides[1]
    if left is None or right is None:
        raise unread("one side is missing below the sign", part)
    inner = bare(left)
    colon = next((k for k, one in enumerate(inner.parts) if isinstance(one, Sign) and one.text == ":"), None) if (
        isinstance(inner, Product)) else None
    if colon and isinstance(inner, Product):                       # j : j \neq i
        for letter in inner.parts[:colon]:
            _bind(s, found, letter, None, None)
        rest = inner.parts[colon + 1:]
        span = (rest[0].span[0], rest[-1].span[1]) if rest else part.span
        found.conditions.append(replace(part, sides=(Product(rest, span), *part.sides[1:])))
        return
    if sign in ("=", "==") and len(part.signs) == 1:
        low = form(s, right, bound)
        if low is None:
            raise unread("this is no bound", right, BOUND)
        known = [name for name, _, _ in found.ranges]
        for name in items(left) if isinstance(bare(left), Row) else (left,):
            if key(name) in known:
                found.conditions.append(part)
            else:
                _bind(s, found, name, low + shift, None)
        return
    if sign == "in" and len(part.signs) == 1:
        known_set = s.vocabulary.sets.get(key(right))
        if known_set is None and key(right) in s.vocabulary.sizes:
            known_set = (FIRST, s.vocabulary.sizes[key(right)])
        if known_set is None:
            raise unread(f"the set {key(right)} is not declared", right, "declare it: [sets] 'S' = \"1..n\"")
        for name in items(left) if isinstance(bare(left), Row) else (left,):
            _bind(s, found, name, *known_set)
        return
    if len(part.signs) == 2 and set(part.signs) <= {"<", "<="}:
        low, high = form(s, left, bound), form(s, part.sides[2], bound) if part.sides[2] else None
        if low is None or high is None:
            raise unread("these are no bounds", part)
        _bind(s, found, right, low + shift + (part.signs[0] == "<"), high + shift - (part.signs[1] == "<"))
        return
    bound_here = {name for name, _, _ in found.ranges}
    if isinstance(bare(left), Name | Scripts) and key(left) not in bound_here and key(left) not in bound:
        _bind(s, found, left, None, None)
    found.conditions.append(part)


def _over_everything(s: State, node: Big, bound: Bound) -> Value:
    if node.kind != "sum":
        raise unread("no index letter stands below the sign", node)
    value = s.read(node.body, bound)
    if value.rank == 1:
        return total(value)
    letters_ = sorted(names_in(value.body) & s.letters.keys() - bound)
    if value.rank == 0 and len(letters_) == 1:
        name = letters_[0]
        s.slip(f"the sum is read over {name}", rf"write \sum_{name}", node)
        del s.letters[name]
        return Value(SumOver(name, *_range(s, name, value.body, node), value.body))
    raise unread("the sum does not say over what", node, r"write \sum_i")


def _range(s: State, name: str, body: Expr, node: Node) -> tuple[Affine, Affine]:
    """What a letter runs over: the axis that it stands on alone, or what keeps its subscripts in their range."""
    declared = s.vocabulary.indices.get(name)
    alone: dict[tuple[Affine, Affine], None] = {}
    shifted: dict[tuple[Affine, Affine], None] = {}
    for form_, size in _axes(s, body, name):
        if form_.bare == name:
            alone[FIRST, size] = None
        elif abs(form_.coefficient(name)) == 1:
            rest = form_ - symbol(name) * form_.coefficient(name)
            shifted[(FIRST - rest, size - rest) if form_.coefficient(name) == 1 else (rest - size, rest - 1)] = None
    if declared is not None and (not alone or declared in alone):
        return declared
    ranges = list(alone or shifted)
    if len(ranges) == 1:
        return ranges[0]
    if not ranges:
        raise unread(f"the range of {name} is not known: it stands on no axis", node, rf"write \sum_{{{name}=1}}^{{n}}")
    if not alone and isinstance(body, Mul):
        return ranges[0]
    lengths = " and over ".join(f"{low}..{high}" for low, high in ranges)
    raise Mismatch(f"{name} runs over {lengths}")


def _axes(s: State, node: Tree, name: str) -> list[tuple[Affine, Affine]]:
    """The subscripts that hold the letter, free, with the lengths of their axes."""
    if isinstance(node, SumOver | Largest) and node.index == name:
        return []
    found = []
    if isinstance(node, Entry):
        tensor = s.tensors.get(node.tensor) or s.problem.tensors.get(node.tensor)
        if tensor is not None:
            found += [pair for pair in zip(node.at, tensor.shape, strict=False) if name in pair[0].names]
    for part in children(node):
        found += _axes(s, part, name)
    return found


# ---- products --------------------------------------------------------------------------------------------------------

def product(s: State, parts: Sequence[Node], bound: Bound) -> Value:
    """Factors and signs, from left to right; a function takes its argument, an operator what it acts on."""
    factors: list[tuple[Sign | None, Value]] = []
    sign: Sign | None = None
    k = 0
    while k < len(parts):
        part = parts[k]
        if isinstance(part, Sign):
            sign = part
            k += 1
            continue
        value, k = _factor(s, parts, k, bound)
        factors.append((sign if factors else None, value))
        sign = None
    if not factors:
        raise Unreadable("a factor is missing", parts[0].span if parts else (0, 0))
    span = (parts[0].span[0], parts[-1].span[1])
    try:
        return folded(s, factors)
    except Mismatch as error:
        error.span = error.span or span
        raise


def _factor(s: State, parts: Sequence[Node], k: int, bound: Bound) -> tuple[Value, int]:
    """The factor that begins at part k, and where the next one begins."""
    part = parts[k]
    following = parts[k + 1] if k + 1 < len(parts) else None
    for rule in FACTORS:
        found = rule(s, parts, k, following, bound)
        if found is not None:
            return found
    return s.read(part, bound), k + 1


Found = tuple[Value, int] | None


def _phrase(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """f(x) where the exercise says that it is another name of something."""
    if not s.vocabulary.phrases or following is None:
        return None
    text = key(parts[k])
    for stop in range(k + 1, min(len(parts), k + 12)):
        text += key(parts[stop])
        if (node := s.vocabulary.phrases.get(text)) is not None:
            return s.read(node, bound), stop + 1
    return None


def _long_name(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """A name, a size or a function of several letters: `out_{h1}`, `HH`, `d\\mu`."""
    if following is None or not isinstance(bare(parts[k]), Name | Word):
        return None
    end = k + 1
    while end < len(parts) and isinstance(bare(parts[end]), Name | Word | Accent | Scripts) and end - k < 12:
        end += 1
    for stop in range(end, k + 1, -1):
        run = [bare(part) for part in parts[k:stop]]
        if not all(isinstance(part, Name | Word | Accent) for part in run[:-1]):
            continue
        last = run[-1]
        tail = last.base if isinstance(last, Scripts) else last
        if not isinstance(bare(tail), Name | Word | Accent):
            continue
        text = "".join(key(part) for part in run[:-1]) + key(tail)
        span = (parts[k].span[0], parts[stop - 1].span[1])
        word = Word(text, (span[0], tail.span[1]))
        if s.vocabulary.has_base(text) or (text in s.vocabulary.sizes and tail is last):
            whole = replace(last, base=word, span=span) if isinstance(last, Scripts) else Word(text, span)
            return s.read(whole, bound), stop
        if text in s.vocabulary.functions and stop < len(parts) and functions.is_group(parts[stop]):
            return _application(s, (*parts[:k], word, *parts[stop:]), k, parts[stop], bound, stop - k - 1)
    return None


def _inline_derivative(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """∂y_i / ∂x_k on one line."""
    if k + 4 >= len(parts) or not isinstance(parts[k + 2], Sign) or parts[k + 2].text != "/":  # type: ignore[union-attr]
        return None
    first, second = parts[k], parts[k + 3]
    if key(first) not in ("partial", "d") or key(second) != key(first) or s.vocabulary.has_base(key(first)):
        return None
    return derivative(s, s.read(parts[k + 1], bound), parts[k + 4], bound), k + 5


def _differential(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """dX, where nobody declared a d: refused by name."""
    if key(parts[k]) != "d" or following is None or "d" in bound or "d" in s.letters or s.vocabulary.has_base("d") or (
            "d" in s.vocabulary.sizes or "d" in s.vocabulary.indices or "d" in s.vocabulary.functions):
        return None
    name = spelled(following)
    if name is not None and next(s.vocabulary.matches(name), None) is not None:
        raise unread("differentials are not read yet", Product((parts[k], following), (
            parts[k].span[0], following.span[1])), r"write the gradient: \frac{\partial L}{\partial X} = ...")
    return None


def _operator(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """∂/∂x before what it acts on: the brackets after it, else all that follows."""
    part = parts[k]
    if not isinstance(part, Fraction):
        return None
    found = quotient(s, part)
    if found is None or found.of is not None:
        return None
    if following is None:
        raise unread("nothing stands after the operator", part, "write what is differentiated")
    alone = functions.is_group(following) and k + 2 < len(parts)
    if alone and not s.choose("reach", PLAIN, TO_THE_END):
        return derivative(s, s.read(following, bound), found.by, bound), k + 2
    rest = parts[k + 1:]
    return derivative(s, product(s, rest, bound), found.by, bound), len(parts)


def _with_arguments(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """\\frac{\\partial E}{\\partial U}(U, V): what a derivative depends on, said in brackets."""
    part, group = parts[k], None if following is None else bare(following)
    if not isinstance(part, Fraction) or not isinstance(group, Group) or len(group.items) < 2:
        return None
    if quotient(s, part) is None or any(spelled(item) is None for item in group.items):
        return None
    return s.read(part, bound), k + 2


def _nabla(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    r"""\nabla_x L."""
    node = bare(parts[k])
    if key(node) == "nabla":
        if len(s.vocabulary.asked) != 1:
            raise unread(r"\nabla does not say by what", node, r"write \nabla_x L")
        node = Scripts(node, s.vocabulary.asked[0], None, 0, node.span)
    if not isinstance(node, Scripts) or key(node.base) != "nabla":
        return None
    if node.below is None or following is None:
        raise unread(r"\nabla does not say of what, or by what", node, r"write \nabla_x L")
    value, after = _factor(s, parts, k + 1, bound)
    if not (isinstance(value.body, Entry) and not value.rank):                   # \nabla_x x^T A x
        value, after = product(s, parts[k + 1:], bound), len(parts)
    result = derivative(s, value, node.below, bound)
    return scripted(s, result, items(node.above), node, bound), after


def _mean(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    r"""E_{m \sim Bernoulli(p)}[...]: the mean over a mask."""
    node = bare(parts[k])
    if not isinstance(node, Scripts) or key(node.base) != "E" or not isinstance(following, Group):
        return None
    law = None if node.below is None else bare(node.below)
    if not isinstance(law, Relation) or law.signs != ("sim",) or None in law.sides or len(following.items) != 1:
        return None
    mask, right = s.read(law.sides[0], bound), bare(law.sides[1])  # type: ignore[arg-type]
    if not isinstance(mask.body, Entry) or not isinstance(right, Product) or key(right.parts[0]) != "Bernoulli":
        raise unread("this mean is not read yet", node, r"write E_{m \sim Bernoulli(p)}[...]")
    mean, body = s.read(right.parts[1], bound), s.read(following.items[0], bound)
    if mean.rank:
        raise Mismatch(f"a probability that is {mean}")
    return mapped(body, lambda u: Expectation(mask.body.tensor, mean.body, u)), k + 2  # type: ignore[union-attr]


def _indicator(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    r"""\mathbb{1}(i = j), I\{X > 0\}, \delta(i, j), \delta(i = j)."""
    if following is None or not isinstance(bare(following), Group):
        return None
    name, group = key(parts[k]), bare(following)
    assert isinstance(group, Group)
    if name == "delta" and len(group.items) == 2:
        first, second = group.items
        return indicator(s, Relation((first, second), ("=",), (group.span,), group.span), bound), k + 2
    if name not in ("1", "I", "delta", "chi"):
        return None
    if len(group.items) > 1 and all(isinstance(bare(item), Relation) for item in group.items):
        return indicator(s, Row(group.items, group.span), bound), k + 2
    if len(group.items) != 1:
        return None
    if isinstance(bare(group.items[0]), Relation | Row):
        return indicator(s, group.items[0], bound), k + 2
    return None


def _application(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound,
                 merged: int = 0) -> Found:
    """A function with its argument: brackets, else the one factor after it."""
    part = parts[k]
    function = functions.function(s, part)
    if function is None or (not function.is_word and not _is_argument(following)):
        return _loss_of(s, parts, k, following)
    if named_here := (spelled(part) is not None and not functions.is_group(_group_of(following))
                      and named(s, part, bound)):
        return named_here, k + 1
    if function.above is not None and key(function.above) not in ("2", "3") and key(part).startswith("exp^"):
        return None
    if following is None:
        raise unread(f"{key(part)} is a function; what is it applied to?", part, "write its argument in brackets")
    after = k + 2
    group, outside = _split(following)
    if group is not None:
        arguments = _arguments(s, function, group, bound)
    else:
        outside = None
        if function.is_word and k + 2 < len(parts) and not isinstance(parts[k + 2], Sign) and s.choose(
                "argument", PLAIN, WHOLE_TERM):
            arguments, after = [product(s, parts[k + 1:], bound)], len(parts)
        else:
            value, after = _factor(s, parts, k + 1, bound)
            if isinstance(bare(parts[k + 1]), Numeral) and after < len(parts) and not isinstance(parts[after], Sign):
                more, after = _factor(s, parts, after, bound)             # \log 2\pi
                value = combine(s, value, None, more)
            arguments = [value]
    result = _applied(s, function, arguments, part, bound)
    if function.below is not None and function.kind == "log":
        base = s.read(function.below, bound)
        result = elementwise(result, mapped(base, lambda b: Apply("log", (b,))), divide, "the logarithm")
    elif function.below is not None:
        result = indexed(s, result, function.below, part, bound)
    if function.above is not None:
        result = scripted(s, result, items(function.above), part, bound)
    if outside is not None:
        if outside.below is not None:
            result = indexed(s, result, outside.below, outside, bound)
        result = scripted(s, result, items(outside.above), outside, bound)
    return result, after + merged


def _applied(s: State, function: functions.Function, arguments: Sequence[Value], node: Node, bound: Bound) -> Value:
    if not isinstance(function.kind, Formula):
        return functions.apply(s, function, arguments, node)
    formula = function.kind
    if len(arguments) != len(formula.arguments):
        raise unread(f"this function has {len(formula.arguments)} arguments", node)
    if not function.primes:
        return formula_value(s, formula, arguments)
    if len(arguments) > 1:
        raise unread("a prime after a function of several arguments does not say by which", node)
    dummy = Entry("_u")
    body = formula_value(s, formula, [Value(dummy)])
    if body.rank:
        raise unread("the derivative of a function of a vector is written with its entries", node)
    result = body.body
    for _ in range(function.primes):
        result = differentiate(result, dummy, s.problem.kinks)
    return mapped(arguments[0], lambda u: replace_entries(result, lambda entry: u if entry == dummy else entry))


def formula_body(s: State, formula: Formula) -> Expr:
    """The formula of a function of numbers, its arguments as the entries _x. Mismatch where it takes no numbers."""
    value = formula_value(s, formula, [Value(Entry(f"_{name}")) for name in formula.arguments])
    if value.rank:
        raise Mismatch(f"the formula of a function of numbers is {value}")
    return value.body


def formula_value(s: State, formula: Formula, arguments: Sequence[Value]) -> Value:
    """The formula of a function with its arguments put in."""
    inside = s.vocabulary.copy()
    for name, argument in zip(formula.arguments, arguments, strict=True):
        own = renewed(argument)
        sizes = tuple(axis.size for axis in own.axes if axis.size is not None)
        named_ = Named(own.body, tuple(axis.index for axis in own.axes), sizes, turn=own.turn)
        inside.spellings[name] = [Spelling(name, (), (), named_, name)]
        inside.sizes.pop(name, None)
    around, s.vocabulary = s.vocabulary, inside
    try:
        return s.read(formula.body, frozenset())
    finally:
        s.vocabulary = around


def _arguments(s: State, function: functions.Function, group: Group, bound: Bound) -> list[Value]:
    return [s.read(item, bound) for item in group.items]


def _split(node: Node) -> tuple[Group | None, Scripts | None]:
    """The brackets of an argument, and what stands on them: log(x)^2, softmax(z)_i."""
    inside = bare(node)
    if isinstance(node, Group) and functions.is_group(node):
        return node, None
    if isinstance(inside, Scripts) and isinstance(inside.base, Group) and functions.is_group(inside.base):
        return inside.base, inside
    if isinstance(inside, Group) and functions.is_group(inside):
        return inside, None
    return None, None


def _group_of(node: Node | None) -> Node | None:
    return None if node is None else _split(node)[0]


def _is_argument(node: Node | None) -> bool:
    return node is not None and _split(node)[0] is not None


def _loss_of(s: State, parts: Sequence[Node], k: int, following: Node | None) -> Found:
    """L(W, b) is the loss, with what it depends on said in brackets."""
    name = key(parts[k])
    if name not in s.vocabulary.losses or following is None:
        return None
    group = _split(following)[0]
    if group is None or any(spelled(item) is None for part in group.items for item in items(part)):
        return None
    return Value(Entry(s.vocabulary.losses[name])), k + 2


def _bracket_index(s: State, parts: Sequence[Node], k: int, following: Node | None, bound: Bound) -> Found:
    """W[i,j]."""
    group = None if following is None else bare(following)
    outside = group if isinstance(group, Scripts) and group.below is None else None
    group = bare(outside.base) if outside is not None else group
    if not isinstance(group, Group) or group.kind != "[" or spelled(parts[k]) is None:
        return None
    value = named(s, parts[k], bound)
    if value is None or not value.rank or value.rank != len(group.items) or value.axes[-1].index == "label":
        return None
    forms = []
    for item in group.items:
        found = None if key(item) == ":" else form(s, item, bound)
        if found is None and key(item) != ":":
            return None
        forms.append(None if found is None else found + (1 - s.vocabulary.index_base))
    result = at(value, forms)
    return (result if outside is None else scripted(s, result, items(outside.above), outside, bound)), k + 2


FACTORS: Final = (_phrase, _inline_derivative, _long_name, _differential, _operator, _with_arguments, _nabla, _mean,
                  _indicator, _application, _bracket_index)
