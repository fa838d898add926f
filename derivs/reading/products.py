r"""Products from left to right: a function takes its argument, an operator what it acts on, letters may be one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from derivs.differentiate import differentiate
from derivs.errors import Mismatch, Unreadable
from derivs.expr import (
    Apply,
    Entry,
    Expectation,
    divide,
    replace_entries,
)
from derivs.reading import functions
from derivs.reading.choices import Option
from derivs.reading.conditions import indicator
from derivs.reading.forms import form
from derivs.reading.naming import indexed, named, scripted
from derivs.reading.quotients import derivative, differentiated, quotient
from derivs.reading.signs import combine, folded
from derivs.reading.spelling import bare, items, key, spelled
from derivs.reading.state import Bound, State, unread
from derivs.reading.syntax import (
    Accent,
    Fraction,
    Group,
    Name,
    Node,
    Numeral,
    Product,
    Relation,
    Row,
    Scripts,
    Sign,
    Word,
)
from derivs.reading.value import Value, at, elementwise, mapped, renewed
from derivs.reading.vocabulary import Formula, Named, Spelling

PLAIN = Option("")
TO_THE_END = Option("the operator acts on all that follows", "write brackets around what is differentiated")
WHOLE_TERM = Option("the function is taken of the whole product after it", "write brackets around its argument")

Found = tuple[Value, int] | None


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
    return derivative(s, differentiated(s, parts[k + 1], bound), parts[k + 4], bound), k + 5


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
    result = replace(derivative(s, value, node.below, bound), turn="")       # a gradient: columns in every layout
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
