"""What a name with its subscripts stands for: an entry, a slice, a whole tensor, a power or a transpose of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derivs.affine import ONE as FIRST
from derivs.affine import Affine, symbol
from derivs.errors import Mismatch
from derivs.expr import Entry, Expr, Integer, Sum, mul, number, power, reindex
from derivs.reading.choices import Option
from derivs.reading.forms import form, letter
from derivs.reading.spelling import Spelled, bare, items, key, letters, spelled
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import Group, Name, Node, Numeral, Scripts
from derivs.reading.value import Axis, Turn, Value, fitting, fresh, inner, mapped, matrix_product, renewed, transposed
from derivs.reading.value import at as entries_at
from derivs.reading.vocabulary import TURNED, Match, Named

PLAIN = Option("")
OMITTED = Option("an index that is left out is the same one everywhere", "write the index that is left out")
BY_LETTER = Option("the letter of an index, not its place, says which axis it is of",
                   "write the axes that are left open, as in Y_{:,f}")
ROWS = Option("vectors are rows", slip=False)
ENTRYWISE = Option("the power of a matrix is taken entry by entry", r"write X \odot X")
PRODUCT = Option("the power of a matrix is the product with itself", slip=False)
LENGTH = Option("the square of a vector is the square of its length", r"write \|x\|^2")


def rows(s: State) -> bool:
    """Whether, in this reading, a vector that is not said to be either is a row."""
    return bool(s.choose("vectors", Option("vectors are columns"), ROWS))


def named(s: State, node: Node, bound: Bound) -> Value | None:
    """The value of a name; None if nobody declared it."""
    name = spelled(node)
    if name is None:
        return None
    if isinstance(bare(node), Name) and key(node) in bound:
        return Value(_number(s, node, bound))
    for found in s.vocabulary.matches(name):
        if _is_kronecker(name, found):
            continue
        found = _turned(s, found)
        value = _value(s, found, node, bound)
        if value is not None:
            if found.spelling.origin != "introduced":
                s.spelled.setdefault(_tensor(found.spelling.named), {}).setdefault(_fixed(found), node.span)
            return scripted(s, value, found.rest, node, bound)
    if name.primes:
        return _primed(s, name, node, bound)
    return _entry_of_capital(s, name, node, bound)


def _entry_of_capital(s: State, name: Spelled, node: Node, bound: Bound) -> Value | None:
    """x_{ij} is the entry of the matrix X where x is nothing else."""
    if len(name.base) != 1 or not name.base.islower() or s.vocabulary.has_base(name.base) or not name.below:
        return None
    for found in s.vocabulary.matches(replace(name, base=name.base.upper())):
        if len(found.subscripts) == 2 and None not in found.subscripts:
            value = _value(s, found, node, bound)
            return None if value is None else scripted(s, value, found.rest, node, bound)
    return None


def _is_kronecker(name: Spelled, found: Match) -> bool:
    r"""\delta_{ij} is Kronecker's beside a declared \delta that has more indices."""
    return name.base == "delta" and not found.spelling.below and not found.spelling.above and (
        sum(item is not None for item in found.subscripts) + len(found.rest) == 2 < len(found.subscripts))


def _turned(s: State, found: Match) -> Match:
    """A_{ij}^T and A^T_{ij} are both A_{ji}: TeX prints them alike."""
    turns = [item for item in found.rest if is_transpose(s, item)]
    if len(found.subscripts) != 2 or len(turns) != 1 or None in found.subscripts:
        return found
    return replace(found, subscripts=found.subscripts[::-1], rest=tuple(i for i in found.rest if i is not turns[0]))


def _tensor(what: Named) -> str:
    return what.body.tensor if isinstance(what.body, Entry) else ""


def _fixed(found: Match) -> str:
    """How the name is spelled, a condition on a layer such as (l<N) left out."""
    above = ",".join(found.spelling.above)
    return f"{found.spelling.base}_{','.join(found.spelling.below)}^{above.split('<')[0].rstrip(')')}"


def _number(s: State, node: Node, bound: Bound) -> Expr:
    value = form(s, node, bound)
    assert value is not None
    return Integer(value)


def number_of(s: State, node: Node, bound: Bound) -> Value | None:
    """A size or an index letter used as a number."""
    value = letter(s, node, bound)
    return None if value is None else Value(Integer(value))


def _primed(s: State, name: Spelled, node: Node, bound: Bound) -> Value | None:
    """X' is the transpose where the exercise says so."""
    if s.vocabulary.operators.get("'") != "transpose" or name.primes != 1:
        return None
    value = named(s, without_primes(node), bound)
    return None if value is None else transposed(value, rows(s))


def without_primes(node: Node) -> Node:
    """x for x', with what else stands below and above it."""
    inner = bare(node)
    assert isinstance(inner, Scripts)
    return replace(inner, primes=0) if inner.below or inner.above else inner.base


def _value(s: State, found: Match, node: Node, bound: Bound) -> Value | None:
    what = found.spelling.named
    subscripts = _by_letter(s, found, bound) or found.subscripts
    values: dict[str, Affine] = {}
    axes: list[Axis] = []
    picks: list[tuple[str, Affine, Expr]] = []
    for k, (parameter, size) in enumerate(zip(what.parameters, what.sizes, strict=False)):
        hint = what.letters[k] if k < len(what.letters) else ""
        item = subscripts[k]
        if item is None:
            here = _left_out(s, hint, size, bound)
            if here is not None:
                values[parameter] = here
                continue
            axis = Axis(fresh(), size, letter=hint)
            axes.append(axis)
            values[parameter] = symbol(axis.index)
            continue
        at = form(s, item, bound, subscript=True)
        if at is None:
            label = s.read(item, bound) if spelled(item) is not None else None
            picked = None if label is None else _picked(label, size)
            if picked is None:
                raise unread("this is no index", item, "an index is a letter, a number, or a sum of such")
            index = fresh()
            values[parameter] = symbol(index)
            picks.append((index, size, reindex(picked[1], {picked[0]: symbol(index)})))
            continue
        values[parameter] = at + (1 - s.vocabulary.index_base)
    body: Expr = reindex(what.body, values)
    for index, size, chosen in picks:
        body = Sum(index, FIRST, size, mul(chosen, body))
    if what.label is not None:
        axis = Axis("label", what.label)
        axes.append(axis)
        body = reindex(body, {what.parameters[-1]: symbol(axis.index)})
    return Value(body, tuple(axes), _turn(found, axes))


def _turn(found: Match, axes: Sequence[Axis]) -> Turn:
    """A_{i,:} is a row, A_{:,j} a column; a vector is what it is declared to be."""
    what = found.spelling.named
    if len(axes) != 1:
        return ""
    if len(what.sizes) == 2 and len(found.opened) == 1:
        return "column" if found.opened[0] == 0 else "row"
    return what.turn if len(what.sizes) == 1 else ""


def _left_out(s: State, hint: str, size: Affine, bound: Bound) -> Affine | None:
    """In the reading where an index that is left out is the same everywhere: that index."""
    if not hint or not s.choose("omitted", PLAIN, OMITTED):
        return None
    return symbol(hint)


def _by_letter(s: State, found: Match, bound: Bound) -> tuple[Node | None, ...] | None:
    """`Y_f` as the channel f, where f is the letter of an axis that is not the first."""
    what, given = found.spelling.named, [item for item in found.subscripts if item is not None]
    if found.spelling.slots is not None or not given or len(given) == len(found.subscripts):
        return None
    wanted = [key(item) for item in given]
    if any(name not in what.letters for name in wanted) or what.letters[:len(wanted)] == tuple(wanted):
        return None
    if not s.choose("axis", PLAIN, BY_LETTER):
        return None
    return tuple(dict(zip(wanted, given, strict=True)).get(name) for name in what.letters)


def _picked(label: Value, size: Affine) -> tuple[str, Expr] | None:
    """The one-hot vector of a label that runs over 1..size: its index and its body."""
    if label.rank == 1 and label.axes[0].index == "label":
        fitting(label.axes[0], Axis("", size), "the label")
        return "label", label.body
    return None


def scripted(s: State, value: Value, above: Sequence[Node], node: Node, bound: Bound) -> Value:
    """What stands above a value that is no part of its name: a transpose, a power; one after the other."""
    for item in above:
        value = _raised(s, value, item, bound)
    return value


def is_transpose(s: State, item: Node) -> bool:
    """T, top, Tr, or what the exercise declares; a letter that it declares otherwise is a power."""
    name = key(item)
    if s.vocabulary.operators.get("^" + name) == "transpose":
        return True
    if name in ("T", "t") and (name in s.vocabulary.sizes or s.vocabulary.has_base(name)):
        return False
    return name in TURNED or name == "t"


def _raised(s: State, value: Value, item: Node, bound: Bound) -> Value:
    if is_transpose(s, item) or (value.rank and key(item) == "T" and not s.vocabulary.has_base("T")):
        return transposed(value, rows(s))              # T may be a size too: no vector has it as its power
    layer = bare(item)
    if isinstance(layer, Group) and len(layer.items) == 1 and isinstance(bare(layer.items[0]), Name | Numeral):
        raise unread(f"nothing is declared with {key(item)} above it", item, "a power is written without brackets")
    exponent = s.read(item, bound)
    if exponent.rank:
        raise Mismatch(f"an exponent that is {exponent}")
    if value.rank == 2:
        if key(item) == "-1":
            raise unread("the inverse of a matrix is not read yet", item)
        if s.choose("square", ENTRYWISE, PRODUCT) and key(item) == "2":
            return matrix_product(value, renewed(value), rows(s))
    if value.rank == 1 and key(item) == "2" and s.choose("length", PLAIN, LENGTH):
        return inner(value, renewed(value))
    return mapped(value, lambda body: power(body, constant(exponent.body)))


def constant(expr: Expr) -> Expr:
    """A number that is spelled as a size form or as a product of numbers, as a number."""
    match expr:
        case Integer(form_) if form_.is_constant:
            return number(form_.constant)
        case _:
            return expr


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
    return entries_at(value, forms)
