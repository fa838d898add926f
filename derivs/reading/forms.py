"""Index arithmetic as it is written: `i-u+1`, `S(i-1)+k`, `2n`, `n_{l-1}`."""

from __future__ import annotations

from derivs.affine import Affine, affine, symbol
from derivs.errors import Unreadable
from derivs.reading.choices import Option
from derivs.reading.spelling import bare, key, spelled
from derivs.reading.state import Bound, State
from derivs.reading.syntax import Group, Name, Node, Numeral, Product, Scripts, Sign, Sum

LARGEST = 10**6                        # an integer in an index


AN_INDEX = Option("a letter that is also a length is an index here", slip=False)


def form(s: State, node: Node, bound: Bound, *, subscript: bool = False) -> Affine | None:
    """The number that an index expression stands for; None if it is no index expression. Our indices run from 1.

    subscript: it stands below a name, where a letter that is a length may be meant as an index.
    """
    match bare(node):
        case Numeral(text) if text.isdigit():
            if len(text) > len(str(LARGEST)):
                raise Unreadable("an index as large as this", node.span)
            return affine(int(text))
        case Sum(terms):
            total = affine(0)
            for sign, term in terms:
                part = form(s, term, bound, subscript=subscript)
                if part is None or not sign:
                    return None
                total += part * sign
            return total
        case Group("(" | "[" | "{", (item,)):
            return form(s, item, bound, subscript=subscript)
        case Name() | Scripts() as name:
            return letter(s, name, bound, subscript=subscript)
        case Product(factors) as whole:
            if (size := s.vocabulary.sizes.get(key(whole))) is not None:
                return size
            result, letters = affine(1), 0
            for factor in factors:
                if isinstance(factor, Sign) and factor.text in ("cdot", "*", "times"):
                    continue
                value = form(s, factor, bound, subscript=subscript)
                if value is None:
                    return None
                letters += bool(value.names - size_letters(s))
                result = result * value
            return result if letters < 2 else None             # x_{ij} is no entry at i times j
        case _:
            return None


def size_letters(s: State) -> frozenset[str]:
    """The letters that stand for sizes."""
    return frozenset(s.vocabulary.sizes).union(*(size.names for size in s.vocabulary.sizes.values()))


def letter(s: State, node: Node, bound: Bound, *, subscript: bool = False) -> Affine | None:
    """The number that a size or an index letter stands for; None for any other name."""
    name = key(node)
    if name in bound:
        return _index(s, name)
    size = s.vocabulary.sizes.get(name)
    if size is not None:
        if not subscript or len(name) > 1 or not s.choose(f"letter {name}", Option(""), AN_INDEX):
            return size
        s.letters.setdefault(name, node.span)
        return _index(s, name)
    if name in s.vocabulary.indices or (is_index_letter(node) and not _is_declared(s, node)):
        s.letters.setdefault(name, node.span)
        return _index(s, name)
    return None


def is_index_letter(node: Node) -> bool:
    """Whether a name looks like an index: one lower-case or Greek letter, with a number or primes at most."""
    match bare(node):
        case Name(text):
            return (len(text) > 1 and text in INDEX_COMMANDS) or (len(text) == 1 and text.isalpha())
        case Scripts(base, below, None, _):
            return isinstance(bare(base), Name) and is_index_letter(base) and (
                below is None or isinstance(bare(below), Numeral | Name))
        case _:
            return False


INDEX_COMMANDS = frozenset({"ell", "alpha", "beta", "gamma", "mu", "nu", "rho", "sigma", "tau", "kappa", "lambda"})


def _is_declared(s: State, node: Node) -> bool:
    name = spelled(node)
    return name is not None and next(s.vocabulary.matches(name), None) is not None


def _index(s: State, name: str) -> Affine:
    return symbol(own_name(s, name)) - (1 - s.vocabulary.index_base)


def own_name(s: State, name: str) -> str:
    """The name of an index letter, apart from those of lengths and tensors."""
    return name + "'" if name in s.problem.tensors or name in s.problem.sizes else name
