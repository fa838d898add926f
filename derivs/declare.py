"""An exercise as a text file: a declaration in LaTeX and a few words becomes a problem with its vocabulary.

The words are those of docs/declarations.md. A mistake in a declaration is reported like one in a derivation: where,
what, how to mend; all of them at once. Nothing of it is run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, get_args

from derivs.affine import ONE, Affine, symbol
from derivs.derive import Graph
from derivs.errors import DerivsError, IllFormed, Mismatch, OutOfRange, Unreadable, Unsupported, nearest
from derivs.expr import Derivative, Entry, Expr, Integer, Largest, Sum, names_in, power, reindex
from derivs.expr import walk as parts_of
from derivs.names import read as printable
from derivs.points import size_strata
from derivs.problem import Claim, Definition, Problem, Property, Role, Target, Tensor, bar
from derivs.reading.choices import Choices
from derivs.reading.claims import einstein
from derivs.reading.conditions import indicator
from derivs.reading.introduce import Pattern, identity, pattern, printed, spelling, standing_for
from derivs.reading.lengths import length, size_key, span
from derivs.reading.meaning import read
from derivs.reading.parse import parse
from derivs.reading.products import formula_value
from derivs.reading.spelling import Spelled, bare, key, letters, spelled
from derivs.reading.state import State
from derivs.reading.syntax import Group, Name, Node, Product, Relation, Scripts, Sign, Word, walk
from derivs.reading.value import Axis, Value, fresh
from derivs.reading.vocabulary import Formula, Meaning, Named, Spelling, Vocabulary
from derivs.rules.functions import FUNCTIONS
from derivs.scope import ranges
from derivs.wellformed import gathered, inferred_shape, mistakes

LARGEST: Final = 200_000               # characters of a declaration
MOST: Final = 400                      # entries in one of its tables
TABLES: Final = ("name", "title", "source", "symbols", "forward", "gradient", "aliases", "operators", "functions",
                 "sets", "indices", "sizes", "conventions", "given", "description", "begins", "ends")
IN_QUOTES: Final = r"""LaTeX stands in single quotes: '\beta' = "scalar\""""
SHAPE: Final = re.compile(r"\s*(scalar|vector|matrix|tensor|row|column|index)\s*(?:\[([^\]]*)\])?")
ROLES: Final[Mapping[str, Role]] = {"input": "input", "parameter": "parameter", "constant": "constant",
                                    "target": "target", "defined": "node"}
RANK: Final = {"scalar": 0, "vector": 1, "row": 1, "column": 1, "matrix": 2}
LENGTHS: Final = {"scalar": "no length", "matrix": "two lengths", "tensor": "a length for each axis"}
CLASHES: Final = (("positive", "in(0,1)"), ("binary", "onehot"))       # no tensor is of both kinds
ASKED: Final = ("of", "by", "loss", "upstream", "target")
WIDEST: Final = 96                     # characters of a formula that are shown above a caret
CONVENTIONS: Final = ("zero_outside", "index_base", "layout", "einstein", "at_kink", "given")
NAMED: Final = ("softmax", "heaviside", "mean", "var", "sum of each row", "sum", "diag", "trace")
DIGITS: Final = dict(zip("0123456789", "abcdefghij", strict=True))    # a name of letters only, for an unknown function
HADAMARD_LATER: Final = "hadamard, at the rank of the product"


@dataclass(frozen=True, slots=True)
class Declared:
    """An exercise with the letters in which it is written. begins, ends: words in a document that it stands between."""

    problem: Problem
    vocabulary: Vocabulary
    begins: str = ""
    ends: str = ""


def load_declarations(path: Path) -> tuple[Declared, ...]:
    """The exercises of a TOML file: one, or several under [[exercise]]. Raises DerivsError with all mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DerivsError(f"it cannot be read: {error}", where=str(path)) from error
    return declarations(text, str(path))


def declarations(text: str, where: str) -> tuple[Declared, ...]:
    """The same, from the text of the file."""
    if len(text) > LARGEST:
        raise IllFormed(f"a declaration of more than {LARGEST} characters", where=where)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise IllFormed(f"this is not TOML: {error}", where=where,
                        mend=IN_QUOTES) from error
    except RecursionError as error:
        raise IllFormed("it is nested too deeply", where=where) from error
    several = data.get("exercise")
    if several is None:
        return (declare(data, where),)
    if not isinstance(several, list) or not several or not all(isinstance(one, dict) for one in several):
        raise IllFormed("exercise is not a list of tables", where=where, mend="write [[exercise]] before each of them")
    common = {name: value for name, value in data.items() if name != "exercise"}
    return tuple(declare({**common, **one}, f"{where}, exercise {k}") for k, one in enumerate(several, 1))


def declare(data: Mapping[str, Any], where: str = "declaration") -> Declared:
    """A declaration as a mapping. Raises IllFormed with every mistake in it."""
    builder = _Builder(data)
    steps = (builder.tables, builder.agreed, builder.typefaces, builder.sizes, builder.symbols, builder.words,
             builder.early_aliases, builder.forward, builder.gradient, builder.late_aliases, builder.conventions,
             builder.finish)
    for step in steps:
        step()
        if builder.errors:
            raise gathered(builder.errors, where)
    return Declared(builder.problem, builder.vocabulary, str(data.get("begins", "")), str(data.get("ends", "")))


@dataclass(slots=True)
class _Builder:
    """An exercise in the making, and the mistakes on the way."""

    data: Mapping[str, Any]
    errors: list[DerivsError] = field(default_factory=list)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    patterns: list[tuple[str, ...]] = field(default_factory=list)        # index letters in the order of the axes
    waiting: dict[str, str] = field(default_factory=dict)                # aliases that speak of nodes
    facts: list[Affine] = field(default_factory=list)
    compared: dict[str, str] = field(default_factory=dict)               # sizes in [sizes] by the entry they stand in
    scalar: tuple[str, tuple[str, ...]] | None = None                    # L = f(y), f any scalar: L and the names in it
    problem: Problem = field(default_factory=lambda: Problem("", "", "", {}, (), "", ()))

    def attempt(self, place: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """What the step returns; None, and a mistake more, where it fails."""
        try:
            return step(*arguments)
        except DerivsError as error:
            self.errors.append(error.at(place))
            return None

    def read(self, node: Node, said: str) -> Value:
        """The meaning of a formula. What is not understood is shown with a caret under it."""
        value: Value = _caret(lambda: read(self.state(), node, frozenset()), said)
        if any(axis.index == "label" for axis in value.axes):
            raise IllFormed("a label is no number",
                            mend=r"it stands in a subscript, or in a comparison: \mathbb{1}[j = c]")
        return value

    def entries(self, table: str) -> Iterator[tuple[str, Any]]:
        """The rows of a table."""
        yield from self.data.get(table, {}).items()

    # ---- what stands in the file

    def tables(self) -> None:
        for name, value in self.data.items():
            if name not in TABLES:
                self.errors.append(IllFormed(f"{name!r} is not part of a declaration", mend=nearest(name, TABLES)))
            elif name in ("name", "title", "source", "description", "begins", "ends"):
                if not isinstance(value, str):
                    self.errors.append(IllFormed(f"{name} is not a text", where=name))
            elif name != "given" and not isinstance(value, dict):
                self.errors.append(IllFormed(f"[{name}] is not a table", where=name, mend=f"write [{name}] on a line"))
            elif (odd := _escaped(value)) is not None:
                self.errors.append(IllFormed(f"{odd!r} holds a control character", where=f"[{name}]", mend=IN_QUOTES))
            elif isinstance(value, dict | list) and len(value) > MOST:
                self.errors.append(IllFormed(f"[{name}] has more than {MOST} entries", where=name))
        if not self.errors and not self.data.get("forward"):
            self.errors.append(IllFormed("nothing is computed", where="[forward]",
                                         mend="""write the forward pass: 'y_i' = '\\exp(x_i)'"""))

    def agreed(self) -> None:
        """The words of [conventions]."""
        said = self.data.get("conventions", {})
        for name in said:
            if name not in CONVENTIONS:
                self.errors.append(IllFormed(f"{name!r} is not a convention", where="[conventions]",
                                             mend=nearest(name, CONVENTIONS)))
        base, layout = said.get("index_base", 1), said.get("layout", "shape")
        if isinstance(base, bool) or base not in (0, 1):
            self.errors.append(IllFormed("indices run from 0 or from 1", where="[conventions] index_base",
                                         mend="write index_base = 0 or index_base = 1"))
        if layout not in ("shape", "numerator", "denominator"):
            self.errors.append(IllFormed(f"{layout!r} is not a layout", where="[conventions] layout",
                                         mend='write "shape", "numerator" or "denominator"'))
        for name in ("zero_outside", "einstein"):
            if not isinstance(said.get(name, False), bool):
                self.errors.append(IllFormed(f"{said[name]!r} is neither true nor false",
                                             where=f"[conventions] {name}", mend=f"write {name} = true"))
    def typefaces(self) -> None:
        """The letters of which two declared names differ in nothing but their typeface."""
        faces: dict[tuple[str, ...], set[str]] = {}
        loss = self.data.get("gradient", {}).get("loss")
        said = [(name, isinstance(shape, str) and " at " in shape) for name, shape in self.entries("symbols")]
        said += [(name, True) for name, _ in self.entries("forward")]
        said += [(name, False) for name, _ in self.entries("aliases")]
        said += [(loss, False)] if isinstance(loss, str) else []
        for name, has_indices in said:
            try:
                found = _name(name)
            except DerivsError:                        # reported where the name is declared
                continue
            scripts = [(sign, key(item)) for sign, part in (("_", found.below), ("^", found.above)) for item in part]
            kept = [pair for pair in scripts if len(pair[1].strip("()")) > 1]
            for some in (scripts, kept) if has_indices else (scripts,):
                core = (found.base, *(sign + text for sign, text in some))
                faces.setdefault(core, set()).add(found.style)
        self.vocabulary.styled = frozenset(core[0] for core, styles in faces.items() if len(styles) > 1)

    def text_of(self, value: Any) -> str:
        if not isinstance(value, str):
            raise IllFormed(f"{value!r} is not a text", mend="put it in quotes")
        return value

    def name(self, text: str) -> Spelled:
        """A name, told apart by its typeface where two declared names differ in nothing else."""
        return self.vocabulary.told_apart(_name(text))

    def sizes(self) -> None:
        """[sizes]: first what a size is equal to, then what it is compared with."""
        said = {name: self.attempt(f"[sizes] {name}", self.constraints, name, text)
                for name, text in self.entries("sizes")}
        if self.errors:
            return
        equations = {size_key(name): form_ for name, pairs in said.items() for sign, form_ in pairs if sign == "="}
        known = self.vocabulary.sizes
        for name in said:
            own = size_key(name)
            solved = self.attempt(f"[sizes] {name}", _solved, own, equations) if own in equations else symbol(own)
            known[own] = solved or symbol(own)
        for form_ in tuple(known.values()):
            for letter in form_.names:
                known.setdefault(letter, symbol(letter))
        for name, pairs in said.items():
            for sign, form_ in pairs:
                if sign != "=":
                    value = form_.substitute(known)
                    gap = known[size_key(name)] - value if sign[0] == ">" else value - known[size_key(name)]
                    self.facts.append(gap - (len(sign) == 1))
                    self.compared |= {letter: name for letter in (size_key(name), *sorted(form_.names))}
                    for letter in form_.names:
                        known.setdefault(letter, symbol(letter))

    def constraints(self, name: str, said: Any) -> list[tuple[str, Affine]]:
        """`>= h, <= 2h` as signs and forms."""
        found = []
        if not re.fullmatch(r"\\?[A-Za-z]+(_(\{[^{}]*\}|[A-Za-z0-9]))?'*", name):
            raise IllFormed(f"{name} is not the name of a size", mend='write it as in a shape: H = ">= h"')
        for text in _split(self.text_of(said)):
            text = text.replace("≥", ">=").replace("≤", "<=")
            sign = next((sign for sign in (">=", "<=", ">", "<", "=") if text.startswith(sign)), None)
            if sign is None:
                raise IllFormed(f"{text!r} is not a constraint", mend='write ">= 2", ">= h" or "= H-h+1"')
            found.append((sign, length(text.removeprefix(sign), {})))
        return found

    def shape(self, text: str) -> tuple[Affine, ...]:
        found = tuple(length(part, self.vocabulary.sizes) for part in _split(text))
        for form_ in found:
            if form_.is_constant and form_.constant < 1:
                raise IllFormed(f"a length of {form_}", mend="a length is at least 1")
            for name in form_.names:
                self.vocabulary.sizes.setdefault(name, symbol(name))
        return found

    # ---- symbols

    def symbols(self) -> None:
        for name, said in self.entries("symbols"):
            self.attempt(f"[symbols] {name}", self.symbol, name, said)
        for letter in self.vocabulary.sizes:
            if letter in self.tensors:
                self.errors.append(IllFormed(f"{letter} is a size and also a symbol", where=f"[symbols] {letter}",
                                             mend="give one of them another letter"))

    def symbol(self, name: str, said: Any) -> None:
        text = self.text_of(said).strip()
        written = self.name(name)
        found_places = re.fullmatch(r"(.*\S)\s+at\b(.*)", text, re.S)
        head, places = found_places.groups() if found_places else (text, None)
        match = SHAPE.match(head)
        if match is None:
            raise IllFormed(f"{head!r} does not begin with a shape",
                            mend='write "scalar", "vector[n]", "matrix[n,m]", "tensor[a,b,c]", "row[n]", "column[n]"')
        kind, inside = match.group(1), match.group(2)
        if head[match.end():].startswith("["):
            raise IllFormed(f"the bracket in {head!r} is not closed", mend=f'write "{kind}[...]"')
        shape = self.shape(inside) if inside is not None else ()
        if (kind in RANK and len(shape) != RANK[kind]) or (kind != "scalar" and not shape):
            wanted = LENGTHS.get(kind, "one length")
            there = "there is 1" if len(shape) == 1 else f"there are {len(shape)}"
            article = "an" if kind == "index" else "a"
            raise IllFormed(f"{article} {kind} has {wanted}, here {there}", mend=f"in {text!r}")
        role, properties, label = self.words_after(head[match.end():], kind)
        if kind == "index":
            if len(shape) != 1:
                raise IllFormed("an index has one range", mend='write "index[K]"')
            self.label(name, written, shape[0])
            return
        found = self.places(name, written, places, len(shape))
        tensor = identity(found)
        if tensor in self.tensors:
            raise IllFormed(f"{name} is declared twice", mend="give one of them another name")
        full = (*shape, label) if label is not None else shape
        if label is not None:
            properties |= {"onehot"}
        self.tensors[tensor] = Tensor(tensor, full, role, properties, latex=_printed(written, found))
        order = tuple(map(size_key, _split(places))) if places else ()
        self.patterns.append(order)
        parameters = tuple(f"@{k}" for k in range(len(full)))
        named = Named(Entry(tensor, tuple(map(symbol, parameters))), parameters, shape, order,
                      kind if kind in ("row", "column") else "", label)  # type: ignore[arg-type]
        self.vocabulary.add(spelling(found, named, order or [""] * len(shape), name) if order
                            else Spelling(found.base, found.below, found.above, named, name))

    def label(self, name: str, written: Spelled, labels: Affine) -> None:
        """An index that is given, such as a class: a letter in 1..labels, as sizes are letters."""
        own = key(written.node)
        self.free_name(own, name)
        self.vocabulary.sizes[own] = symbol(own) - (1 - self.index_base)
        self.facts += [labels - symbol(own)]

    def places(self, name: str, written: Spelled, places: str | None, rank: int) -> Pattern:
        """The name as a pattern with the index letters behind `at`."""
        letters = [size_key(letter) for letter in _split(places)] if places is not None else []
        if places is not None and not all(letters):
            raise IllFormed("no index stands behind at", mend="write 'x_i^s' = \"matrix[B,M] at s,i\"")
        found = pattern(written, letters)
        if sorted(found.letters) != sorted(letters):
            raise IllFormed(f"the indices {(places or '').strip()!r} are not those that stand in {name}",
                            mend="write 'x_i^s' = \"matrix[B,M] at s,i\"")
        if len(set(letters)) < len(letters):
            raise IllFormed(f"an index letter stands twice in {name}", mend="use a letter for each axis")
        if len(letters) > rank:
            axes = "1 axis" if rank == 1 else f"{rank} axes"
            raise IllFormed(f"{len(letters)} indices for {axes}", mend="give the shape a length for each index")
        return found

    def words_after(self, text: str, kind: str) -> tuple[Role, frozenset[Property], Affine | None]:
        """Roles and properties behind a shape."""
        roles: list[str] = []
        properties: set[Property] = set()
        label = None
        for word in re.findall(r"in\(0, ?1\)|index\s*\[[^\]]*\]|[^\s,]+", text):
            plain = word.replace(" ", "")
            if plain.startswith("index["):
                labels = self.shape(plain[6:-1])
                if len(labels) != 1 or label is not None:
                    raise IllFormed("an index has one range", mend='write "vector[n] index[3]"')
                label = labels[0]
            elif plain in ROLES:
                roles.append(plain)
            elif plain in get_args(Property):
                properties.add(plain)
            else:
                known = (*ROLES, *get_args(Property))
                raise IllFormed(f"{word!r} is neither a role nor a property", mend=nearest(word, known))
        if len(set(roles)) > 1:
            raise IllFormed(f"it has two roles, {roles[0]} and {roles[1]}", mend="leave one of them")
        if label is not None and kind not in ("vector", "matrix", "tensor"):
            raise IllFormed("only a vector, matrix or tensor has labels as entries", mend='write "vector[n] index[3]"')
        first, second = (next((word for word in pair if word in properties), None) for pair in CLASHES)
        if first and (second or label is not None):
            raise IllFormed(f"nothing is {first} and {second or 'an index'}", mend="leave one of them")
        if kind in ("scalar", "index") and (lonely := sorted(properties & {"onehot", "simplex"})):
            raise IllFormed(f"a {kind} is not {lonely[0]}: the entries along a last axis are",
                            mend='write "vector[K]"')
        return ROLES[roles[0]] if roles else "input", frozenset(properties), label

    # ---- signs, functions, sets

    def words(self) -> None:
        for name, said in self.entries("operators"):
            self.attempt(f"[operators] {name}", self.operator, name, said)
        for name, said in self.entries("functions"):
            self.attempt(f"[functions] {name}", self.function, name, said)
        for table in ("sets", "indices"):
            for name, said in self.entries(table):
                self.attempt(f"[{table}] {name}", self.span, table, name, said)
        if not self.errors:
            self.formulas()

    def operator(self, name: str, said: Any) -> None:
        meaning = self.text_of(said)
        meaning = "hadamard" if meaning == HADAMARD_LATER else meaning
        if meaning not in get_args(Meaning):
            raise IllFormed(f"{meaning!r} is not a meaning of a sign",
                            mend=nearest(meaning, (*get_args(Meaning), HADAMARD_LATER)))
        if meaning == "kronecker":
            raise Unsupported("the Kronecker product is not read yet", mend="write its entries")
        sign = _sign(name)
        if (meaning == "transpose") != (sign[0] in "^'"):
            raise IllFormed(f'"{name}" cannot stand for {meaning}',
                            mend="""a transpose stands above: '^{Tr}' or "'"; every other meaning belongs to a sign """
                                 "between factors")
        self.vocabulary.operators[sign] = meaning  # type: ignore[assignment]

    def function(self, name: str, said: Any) -> None:
        text = self.text_of(said)
        node = _parsed(name)
        head, group = _applied(node)
        if group is not None:
            arguments = tuple(key(item) for item in group.items)
            if not all(isinstance(bare(item), Name) for item in group.items) or len(set(arguments)) < len(arguments):
                raise IllFormed(f"the arguments of {name} are not different letters", mend="write 's(x)' = '...'")
            self.free_name(head, name)
            self.vocabulary.functions[head] = Formula(arguments, _parsed(text))
            return
        if spelled(_as_one_name(node)) is None:
            raise IllFormed(f"{name} is not a name", mend="write 'f' = \"sigmoid\", or 's(x)' = '...' for a formula")
        self.free_name(head, name)
        if text == "any":
            self.vocabulary.functions[head] = "?" + re.sub(r"[^A-Za-z]", lambda c: DIGITS.get(c[0], ""), head)
        elif text in FUNCTIONS or text in NAMED or text == "any scalar":
            self.vocabulary.functions[head] = text
        else:
            known = (*FUNCTIONS, *NAMED, "any", "any scalar")
            raise IllFormed(f"{text!r} is not a function", mend=nearest(text, known))

    def free_name(self, head: str, name: str) -> None:
        """Raises IllFormed where a letter is that of a symbol or a size."""
        for kind, known in (("symbol", self.tensors), ("size", self.vocabulary.sizes)):
            if head in known:
                raise IllFormed(f"{name} is a {kind} already", mend="give one of them another letter")

    def formulas(self) -> None:
        """Functions by formula: none is made of itself, and each is a number made of its arguments and symbols."""
        by_formula = {name: said for name, said in self.vocabulary.functions.items() if isinstance(said, Formula)}
        calls = {name: {key(part) for part in walk(said.body)} & by_formula.keys() for name, said in by_formula.items()}
        for name in by_formula:
            if name in _reached(name, calls):
                self.errors.append(IllFormed(f"{name} is made of itself", where=self.place_of(name),
                                             mend="a function is made of those that do not need it"))
        for name, said in by_formula.items():
            if not self.errors and self.is_readable(said):
                self.attempt(self.place_of(name), self.formula, name, said)

    def is_readable(self, said: Formula) -> bool:
        """Whether every name in a formula is known by now; nodes are known after [forward]."""
        try:
            self.formula_of(said)
        except DerivsError:
            return False
        return True

    def formula(self, name: str, said: Formula) -> None:
        value = self.formula_of(said)
        stray = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        if stray:
            raise IllFormed(f"{min(stray)} is no argument of {name} and is not declared",
                            mend=f"declare {min(stray)}, or let it be an argument")

    def formula_of(self, said: Formula) -> Value:
        """The formula of numbers; if it is not read so, of vectors or matrices."""
        first: DerivsError | None = None
        size = next(iter(self.vocabulary.sizes.values()), ONE)
        names = [f"_{name}" for name in said.arguments]
        for rank in range(3):
            around = replace(self.made, tensors={**self.tensors, **{n: Tensor(n, (size,) * rank) for n in names}})
            axes = [tuple(Axis(fresh(), size) for _ in range(rank)) for _ in names]
            values = [Value(Entry(name, tuple(symbol(axis.index) for axis in own)), own)
                      for name, own in zip(names, axes, strict=True)]
            try:
                return formula_value(State(around, self.vocabulary, Choices(), read), said, values)
            except DerivsError as error:
                first = first or error
        assert first is not None
        raise first

    def place_of(self, function: str) -> str:
        """Where a function stands in the file."""
        return next(f"[functions] {name}" for name, _ in self.entries("functions")
                    if _applied(_parsed(name))[0] == function)

    def span(self, table: str, name: str, said: Any) -> None:
        low, high = span(self.text_of(said), self.vocabulary.sizes)
        for letter in sorted(low.names | high.names):
            if letter not in self.vocabulary.sizes:
                raise IllFormed(f"the size {letter} is not known", mend=nearest(letter, self.vocabulary.sizes))
        if (high - low).is_constant and (high - low).constant < 0:
            raise IllFormed(f"{said!r} ends before it begins", mend='write "1..n"')
        own = key(self.name(name).node)
        self.free_name(own, name)
        shift = 1 - self.index_base if table == "indices" else 0
        getattr(self.vocabulary, table)[own] = (low + shift, high + shift)

    @property
    def index_base(self) -> int:
        base = self.data.get("conventions", {}).get("index_base", 1)
        return 0 if base == 0 and base is not False else 1

    # ---- aliases

    def early_aliases(self) -> None:
        """Other names of symbols, which the forward pass may use."""
        self.vocabulary.index_base = self.index_base
        for name, said in self.entries("aliases"):
            if self.attempt(f"[aliases] {name}", lambda said=said: _parsed(self.text_of(said))) is not None:
                self.waiting[name] = said
        if not self.errors:
            self.settle_aliases()

    def late_aliases(self) -> None:
        """Other names of nodes and of gradients."""
        self.settle_aliases()
        for name, said in self.waiting.items():
            self.attempt(f"[aliases] {name}", self.alias, name, said)

    def settle_aliases(self) -> None:
        """Every alias that can be read by now."""
        settled = True
        while settled:
            settled = False
            for name, said in list(self.waiting.items()):
                try:
                    self.alias(name, said)
                except DerivsError:
                    continue
                del self.waiting[name]
                settled = True

    def alias(self, name: str, said: str) -> None:
        left, node = _parsed(name), _parsed(said)
        found = spelled(_as_one_name(left))
        value = self.read(node, said)
        if found is None:
            if _applied(left)[1] is None:
                raise IllFormed(f"{name} is not a name", mend=r"a name is a letter with scripts, or f(x): \hat{x}_i")
            self.vocabulary.phrases[key(left)] = node
            return
        found = self.vocabulary.told_apart(found)
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        taken = pattern(found, free)
        stray = sorted(free - set(taken.letters) - _said_in_conditions(found))
        if stray:
            self.undeclared(stray[0], value.body, said)
            raise IllFormed(f"{stray[0]} stands on the right only", mend=f"let {stray[0]} stand in {name} too")
        self.not_taken(taken, name)
        bounds = ranges(self.made, (value.body,)) if taken.letters else {}
        named = standing_for(value, taken.letters, [bounds[letter][1] for letter in taken.letters])
        if isinstance(value.body, Entry) and not value.axes and not taken.letters:
            named = replace(named, turn=value.turn)
        self.vocabulary.add(spelling(taken, named, (*taken.letters, *("" for _ in value.axes)), name,
                                     origin="alias"))

    def not_taken(self, found: Pattern, name: str) -> None:
        """Raises IllFormed where a name, so written, is known already."""
        for known in self.vocabulary.spellings.get(found.base, ()):
            if (known.below, known.above) == (found.below, found.above) and (
                    len(found.letters) <= len(known.named.sizes)):
                same = "" if known.said == name else f", as {known.said}"
                raise IllFormed(f"{name} is declared already{same}", mend="give it another name")
        if identity(found) in self.vocabulary.sizes and not found.letters:
            raise IllFormed(f"{name} is a size already", mend="give it another name")

    def undeclared(self, name: str, body: Expr, said: str) -> None:
        """Raises IllFormed for a letter that is no index: it stands as a number, and nobody declared it."""
        if not any((isinstance(part, Integer) and name in part.form.names)
                   or (isinstance(part, Sum | Largest) and name in part.low.names | part.high.names)
                   for part in parts_of(body)):
            return
        known = {one.said for many in self.vocabulary.spellings.values() for one in many}
        at = next((part.span for part in walk(_parsed(said)) if key(part) == name), None)
        error = Unreadable(f"{name} is neither declared nor the length of an axis", at or (0, len(said)),
                           mend=nearest(name, known | self.vocabulary.sizes.keys()))
        raise IllFormed(error.what, mend=_pointed(said, error))

    # ---- forward

    @property
    def sized(self) -> tuple[str, ...]:
        return tuple(name for form_ in self.vocabulary.sizes.values() for name in form_.names)

    @property
    def made(self) -> Problem:
        """The exercise as far as it is known."""
        return Problem(str(self.data.get("name", "exercise")), str(self.data.get("title", "")),
                       str(self.data.get("source", "")), dict(self.tensors), tuple(self.definitions), "", (),
                       facts=(*self.facts, *self.sizes_in_no_shape()))

    def sizes_in_no_shape(self) -> list[Affine]:
        """A stride stands in no shape; that it is at least 1 makes it a size all the same."""
        return [symbol(name) - 1 for name in dict.fromkeys(self.sized)]

    def state(self) -> State:
        return State(self.made, self.vocabulary, Choices(), read)

    def forward(self) -> None:
        for name, said in self.entries("forward"):
            self.attempt(f"[forward] {name}", self.define, name, said)
            if self.errors:
                return                             # what follows speaks of this node
            self.settle_aliases()

    def define(self, name: str, said: Any) -> None:
        left, node = self.name(name), _parsed(self.text_of(said))
        if self.is_any_scalar(left, node, name):
            return
        try:
            value = self.read(node, said)
        except DerivsError:
            self.in_order(left, node, name, said)
            raise
        known = next(iter(self.vocabulary.matches(left)), None)
        declared = known is not None and isinstance(known.spelling.named.body, Entry) and (
            self.tensors[known.spelling.named.body.tensor].role == "node")
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        if self.data.get("conventions", {}).get("einstein") is True:
            kept = frozenset(key(part) for item in (*left.below, *left.above) for part in letters(item))
            bounds = {name: two for name, two in ranges(self.made, (value.body,)).items() if name in free}
            value = replace(value, body=einstein(value.body, kept, bounds))
            free &= names_in(value.body)
        if free - {key(part) for part in walk(left.node)} or not all(
                self.is_defined(part) for part in parts_of(value.body) if isinstance(part, Entry)):
            self.in_order(left, node, name, said)
        if declared:
            assert known is not None
            self.define_declared(known.spelling, known.subscripts, value, name)
            return
        found = pattern(left, free)
        if stray := sorted(free - set(found.letters)):
            self.undeclared(stray[0], value.body, said)
            raise IllFormed(f"{stray[0]} is free on the right and does not stand on the left",
                            mend=f"sum over {stray[0]}, or write it on the left")
        if len(set(found.letters)) < len(found.letters):
            raise IllFormed("an index letter stands twice on the left", mend="use a letter for each axis")
        tensor = identity(found)
        if tensor in self.vocabulary.sizes:
            raise IllFormed(f"{name} is a size already", mend="give one of them another name")
        if tensor in self.tensors:
            raise IllFormed(f"{name} is defined twice", mend="give one of them another name")
        order = next((p for p in self.patterns if sorted(p) == sorted(found.letters)), found.letters)
        fitted, indices = _with_letters(value, order, set(self.sized) | self.tensors.keys())
        definition = Definition(tensor, indices, fitted)
        empty = replace(self.made, tensors={**self.tensors, tensor: Tensor(tensor, (), "node")})
        of_letters = inferred_shape(empty, definition, order) if order else ()
        shape = (*of_letters, *(axis.size for axis in value.axes if axis.size is not None))
        if len(shape) != len(indices):
            raise IllFormed("the length of an axis is not known", mend=f"declare {name} in [symbols] as defined")
        self.add_node(found, definition, shape, name, _printed(left, found), value.turn)

    def in_order(self, left: Spelled, node: Node, name: str, said: str) -> None:
        """Raises IllFormed for a node that is made of itself or of one below, Unsupported for a recurrence."""
        below = list(self.data["forward"])
        later = {self.name(other).base: other for other in below[below.index(name):]}
        for part in walk(node):
            found = spelled(part)
            if found is None or (found := self.vocabulary.told_apart(found)).base not in later:
                continue
            own = later[found.base]
            match = next(self.vocabulary.matches(found), None)
            if match is not None and self.is_defined(match.spelling.named.body):
                continue
            at = said[part.span[0]:part.span[1]]
            error: DerivsError
            if own != name:
                text = self.data["forward"][own]
                back = isinstance(text, str) and any(
                    one.base == left.base for one in map(spelled, walk(_parsed(text))) if one is not None)
                what = (f"the graph has a cycle: {name} is made of {own}, and {own} of {name}" if back
                        else f"{own} is used before its definition")
                mend = "a node is made of the nodes above it only" if back else f"write {own} above {name}"
            elif key(part) == key(left.node) or not (found.below or found.above):
                what, mend = f"the graph has a cycle: {name} is made of itself", "a node is made of the nodes above it"
            else:
                error = Unreadable(f"{name} is made of {at}: recurrences over an index are not read yet", part.span,
                                   mend=f"""declare what comes in as a symbol of its own: '{at}' = "vector[n]\"""")
                raise Unsupported(error.what, mend=_pointed(said, error))
            error = Unreadable(what, part.span, mend=mend)
            raise IllFormed(error.what, mend=_pointed(said, error))

    def is_defined(self, body: Expr) -> bool:
        """Whether it is an entry of what is given, or of a node that has its formula by now."""
        return not isinstance(body, Entry) or body.tensor not in self.tensors or (
            self.tensors[body.tensor].role != "node") or any(d.tensor == body.tensor for d in self.definitions)

    def is_any_scalar(self, left: Spelled, node: Node, name: str) -> bool:
        """Whether a line says L = f(y, z), f any scalar function: then L is the loss, of y and z."""
        head, group = _applied(node)
        if group is None or self.data.get("functions", {}).get(head) != "any scalar":
            return False
        if left.below or left.above or self.scalar is not None:
            raise Unsupported("an unknown function of tensors is read as the loss only",
                              mend="let it stand alone in the last line: 'L' = 'f(y)'")
        self.scalar = name, tuple(printed(found, pattern(found, ())) for found in map(spelled, group.items) if found)
        if len(self.scalar[1]) < len(group.items):
            raise Unsupported("an unknown function is read of nodes, not of formulas", mend="name its arguments")
        self.vocabulary.phrases[key(node)] = left.node
        return True

    def add_node(self, found: Pattern, definition: Definition, shape: tuple[Affine, ...], name: str, latex: str | None,
                 turn: str) -> None:
        tensor, indices = definition.tensor, definition.indices
        self.tensors[tensor] = Tensor(tensor, shape, "node", latex=latex)
        self.definitions.append(definition)
        parameters = tuple(f"@{k}" for k in range(len(shape)))
        order = found.letters and next((p for p in self.patterns if sorted(p) == sorted(found.letters)), found.letters)
        named = Named(Entry(tensor, tuple(map(symbol, parameters))), parameters, shape, indices, turn)  # type: ignore[arg-type]
        self.vocabulary.add(spelling(found, named, indices, name) if order
                            else Spelling(found.base, found.below, found.above, named, name))
        self.root_of_square(found, named, name)

    def root_of_square(self, found: Pattern, named: Named, name: str) -> None:
        r"""Where \sigma^2 is a node, \sigma is its root."""
        if found.above == ("2",) and not any(s.above == () and s.below == found.below
                                             for s in self.vocabulary.spellings.get(found.base, ())):
            root = replace(named, body=power(named.body, Fraction(1, 2)))
            bare_pattern = replace(found, above=())
            self.vocabulary.add(spelling(bare_pattern, root, found.letters, name) if found.letters
                                else Spelling(found.base, found.below, (), root, name))

    def define_declared(self, known: Spelling, subscripts: Sequence[Node | None], value: Value, name: str) -> None:
        """A node whose shape stands in [symbols]."""
        assert isinstance(known.named.body, Entry)
        tensor = known.named.body.tensor
        shape = self.tensors[tensor].shape
        if any(d.tensor == tensor for d in self.definitions):
            raise IllFormed(f"{name} is defined twice", mend="give one of them another name")
        letters = [key(item) for item in subscripts if item is not None]
        if len(value.axes) + len(letters) != len(shape):
            axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
            raise IllFormed(f"{name} has {axes}; with the letters on the left, the right side is {value}",
                            mend="write a letter on the left for each axis that is not left open on the right")
        opened = [k for k, item in enumerate(subscripts) if item is None]
        for axis, k in zip(value.axes, opened, strict=True):
            if axis.size is not None and axis.size is not shape[k]:
                raise IllFormed(f"an axis of length {shape[k]} is defined by one of length {axis.size}",
                                mend="let the shape in [symbols] be that of the formula")
        fitted, named = _with_letters(value, tuple(letters), set(self.sized) | self.tensors.keys())
        order = iter(named[:len(letters)]), iter(named[len(letters):])
        indices = tuple(next(order[item is None]) for item in subscripts)
        if stray := sorted(names_in(fitted) - set(self.sized) - set(indices)):
            raise IllFormed(f"{stray[0]} is free on the right and does not stand on the left",
                            mend=f"sum over {stray[0]}, or write it on the left")
        self.definitions.append(Definition(tensor, indices, fitted))
        if len(known.named.letters) < len(indices):
            known_list = self.vocabulary.spellings[known.base]
            known_list[known_list.index(known)] = replace(known, named=replace(known.named, letters=indices))

    # ---- gradient

    def gradient(self) -> None:
        said = self.data.get("gradient", {})
        for name in said:
            if name not in ASKED:
                self.errors.append(IllFormed(f"{name!r} is not part of [gradient]", where="[gradient]",
                                             mend=nearest(name, ASKED)))
        for name, tensor in self.tensors.items():
            if tensor.role == "node" and not self.is_defined(Entry(name)):
                self.errors.append(IllFormed("it is said to be defined, and [forward] does not define it",
                                             where=f"[symbols] {self.said_of(name)}",
                                             mend="write its formula in [forward], or give it another role"))
        if not self.errors:
            outputs = self.attempt("[gradient] of", self.outputs, said)
            unknown = self.scalar[0] if self.scalar else ""
            loss = self.attempt("[gradient] loss", self.text_of, said.get("loss", unknown))
            if not self.errors:
                self.attempt("[gradient] loss", self.losses, outputs, loss)
            if not self.errors and "upstream" in said:
                self.attempt("[gradient] upstream", self.upstreams, said["upstream"], outputs)

    def outputs(self, said: Mapping[str, Any]) -> list[str]:
        """The nodes that the loss is a function of."""
        if self.scalar is not None and "of" in said:
            raise IllFormed(f"{self.scalar[0]} is said to be a function of {', '.join(self.scalar[1])} already",
                            mend="leave it out")
        names = list(self.scalar[1]) if self.scalar else _listed(said.get("of", []))
        found = [self.tensor_named(name) for name in names]
        for name, tensor in zip(names, found, strict=True):
            if self.tensors[tensor].role != "node":
                raise IllFormed(f"{name} is no node of [forward]",
                                mend=f"write a node that is {name}, such as 'z' = '{name}', and let the loss be of it")
        return list(dict.fromkeys(found))

    def losses(self, outputs: Sequence[str], loss: str) -> None:
        """The loss: a node, or a letter for any smooth function of the outputs."""
        node = self.name(loss) if loss else None
        found = None if node is None else next(iter(self.vocabulary.matches(node)), None)
        if found is not None and isinstance(found.spelling.named.body, Entry):
            letter = found.spelling.named.body.tensor
            if self.tensors[letter].role != "node":
                raise IllFormed(f"{loss} is a symbol", mend="a loss is a node, or a new letter for any function of the "
                                                            "nodes in of")
            outputs = [letter, *(o for o in outputs if o != letter)]
        elif outputs:
            letter = identity(pattern(node, ())) if node else "E"
            if letter in self.vocabulary.sizes:
                raise IllFormed(f"{letter} is a size and also the loss", mend="give one of them another letter")
            while letter in self.tensors:
                letter += "'"
            self.tensors[letter] = Tensor(letter, (), "loss", latex=_printed(node, pattern(node, ())) if node else None)
            if node:
                self.vocabulary.add(Spelling(node.base, tuple(map(key, node.below)), tuple(map(key, node.above)),
                                             Named(Entry(letter)), loss))
            elif not self.vocabulary.has_base(letter):
                self.vocabulary.add(Spelling(letter, (), (), Named(Entry(letter)), letter))
        else:
            raise IllFormed("it is not said what is differentiated",
                            mend='write loss = "L" for a node L, or of = "y" and loss = "E" for any function E of y')
        self.vocabulary.losses[key(node.node) if node else letter] = letter
        for tensor in list(self.tensors.values()):
            if tensor.role != "loss":
                self.tensors[bar(tensor.name)] = Tensor(bar(tensor.name), tensor.shape, "cotangent")
        self.problem = replace(self.made, tensors=self.tensors, loss=letter, outputs=tuple(outputs))

    def upstreams(self, said: Any, outputs: Sequence[str]) -> None:
        """The author's letters for the given gradients: of the one output, or by output."""
        if not outputs:
            raise IllFormed("no gradient is given: the loss is computed",
                            mend=r"name a gradient in [aliases]: '\delta' = '\frac{\partial L}{\partial y}'")
        if isinstance(said, dict):
            for output, name in said.items():
                tensor = self.tensor_named(output)
                if tensor not in outputs:
                    raise IllFormed(f"{output} is not among the nodes in of", mend=f'let of = ["{output}", ...]')
                self.upstream(self.text_of(name), tensor)
            return
        name = self.text_of(said)
        if len(outputs) > 1:
            asked = [self.said_of(output) for output in outputs]
            pairs = ", ".join(f"'{one}' = \"d{k}\"" for k, one in enumerate(asked, 1))
            raise IllFormed(f"{name} is one letter for the gradients of {' and '.join(asked)}",
                            mend=f"write upstream = {{{pairs}}}")
        self.upstream(name, outputs[0])

    def upstream(self, name: str, output: str) -> None:
        """The author's letter for one given gradient."""
        tensor = self.tensors[output]
        parameters = tuple(f"@{k}" for k in range(len(tensor.shape)))
        body = Derivative(Entry(self.problem.loss), Entry(tensor.name, tuple(map(symbol, parameters))))
        own = next((s.named for known in self.vocabulary.spellings.values() for s in known
                    if isinstance(s.named.body, Entry) and s.named.body.tensor == tensor.name), None)
        found = self.name(name)
        letters = own.letters if own else ()
        taken = pattern(found, letters)
        self.not_taken(taken, name)
        named = Named(body, parameters, tensor.shape, letters, own.turn if own else "")
        if taken.letters:
            self.vocabulary.add(spelling(taken, named, letters, name))
            return
        plain = Spelling(taken.base, taken.below, taken.above, named, name)
        written = (one for many in self.vocabulary.spellings.values() for one in many)
        slots = next((one.slots for one in written if one.named is own), None)
        if slots is not None:
            self.vocabulary.add(replace(plain, slots=slots))          # \delta^{(i)}, where the node is y^{(i)}
        self.vocabulary.add(plain)

    def said_of(self, tensor: str) -> str:
        """A tensor as its author wrote it."""
        return next((one.said for many in self.vocabulary.spellings.values() for one in many
                     if isinstance(one.named.body, Entry) and one.named.body.tensor == tensor), tensor)

    def tensor_named(self, name: str) -> str:
        written = self.name(name)
        found = next(iter(self.vocabulary.matches(written)), None)
        same = self.vocabulary.spellings.get(written.base, [])
        if found is not None:
            found_body = found.spelling.named.body
        elif len(same) == 1 and not written.below and not written.above:
            found_body = same[0].named.body                                    # y for the node y^{(i)}
        else:
            raise IllFormed(f"{name} is not declared", mend=self.vocabulary.suggestion(written))
        if not isinstance(found_body, Entry):
            raise IllFormed(f"{name} is no node or symbol of its own", mend="write what it is an alias of")
        return found_body.tensor

    # ---- conventions

    def conventions(self) -> None:
        said = self.data.get("conventions", {})
        self.vocabulary.layout = said.get("layout", "shape")
        self.vocabulary.einstein = said.get("einstein", False)
        if said.get("zero_outside"):
            self.tensors = {name: replace(tensor, zero_outside=True) for name, tensor in self.tensors.items()}
            self.problem = replace(self.problem, tensors=self.tensors)
        if "at_kink" in said:
            value = said["at_kink"]
            value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            self.attempt("[conventions] at_kink", self.at_kink, value)
        for where, table in (("[conventions] given", said), ("given", self.data)):
            for text in self.attempt(where, _listed, table.get("given", [])) or ():
                self.attempt(where, self.condition, text)
        if isinstance(target := self.data.get("gradient", {}).get("target"), str):
            self.vocabulary.target = self.attempt("[gradient] target", self.readable, target)
        elif target is not None:
            self.attempt("[gradient] target", self.text_of, target)

    def condition(self, text: str) -> None:
        """A side condition, which must be one."""
        node = _parsed(text)
        if _caret(lambda: indicator(self.asked_state(), node, frozenset()), text).rank:
            raise IllFormed(f"the side condition {text} is about numbers", mend=r"write it for an entry: t_i = 1")
        self.vocabulary.given = (*self.vocabulary.given, node)

    def readable(self, text: str) -> Node:
        """A formula that means something once the whole exercise is known."""
        node = _parsed(text)
        _caret(lambda: read(self.asked_state(), node, frozenset()), text)
        return node

    def asked_state(self) -> State:
        """A state of the whole exercise, its loss included."""
        return State(self.problem, self.vocabulary, Choices(), read)

    def at_kink(self, said: Any) -> None:
        """`excluded`, a value for every kink, or `f'(0) = a`."""
        text = self.text_of(said)
        if text == "excluded":
            return
        node = _parsed(text)
        functions = ["relu"]
        if _applied(node)[1] is not None:
            raise IllFormed(f"{text!r} does not say what a derivative is at its kink", mend="write f'(0) = 0")
        if isinstance(node, Relation):
            left, right = _applied(node.sides[0]) if node.sides[0] is not None else ("", None), node.sides[-1]
            name = left[0].removesuffix("'")
            kind = self.vocabulary.functions.get(name, name)
            if left[1] is None or len(node.signs) != 1 or node.signs[0] != "=" or right is None or (
                    not left[0].endswith("'") or key(left[1].items[0]) != "0"):
                raise IllFormed(f"{text!r} does not say what a derivative is at its kink", mend="write f'(0) = 0")
            if not isinstance(kind, str) or kind not in FUNCTIONS or FUNCTIONS[kind].kink is None:
                raise IllFormed(f"{name} is no function with a kink", mend="write f'(0) = 0 for a declared relu f")
            functions, node = [kind], right
        value = _caret(lambda: read(self.state(), node, frozenset()), text)
        if value.rank or names_in(value.body):
            raise IllFormed("the value at a kink is a number", mend="write a number, or declare the letter as a scalar")
        self.problem = replace(self.problem, kinks=dict.fromkeys(functions, value.body))

    def finish(self) -> None:
        self.letters()
        self.problem = replace(self.problem, indices=dict(self.vocabulary.indices))
        self.errors += map(self.in_our_words, mistakes(self.problem))
        self.errors += self.stray_sizes()
        self.errors += self.two_ranges()
        if not self.errors and not size_strata(self.problem, self.problem.inputs):
            self.errors.append(IllFormed("no small sizes satisfy what is said of them", where="[sizes]",
                                         mend="let the constraints and the shapes agree"))
        for name, said in self.vocabulary.functions.items():
            if isinstance(said, Formula) and not self.errors:
                self.attempt(self.place_of(name), self.formula, name, said)
        if not self.errors:
            names = self.attempt("[gradient] by", _listed, self.data.get("gradient", {}).get("by", [])) or ()
            wanted = [self.attempt("[gradient] by", self.tensor_named, name) for name in names]
            self.vocabulary.asked = tuple(map(parse, names)) if not self.errors else ()
            if not self.errors:
                self.problem = replace(self.problem, targets=tuple(_targets(self.problem, wanted)))

    def in_our_words(self, error: IllFormed) -> IllFormed:
        """A mistake in the exercise, said of the file."""
        if error.where in ("of", "loss"):
            error.where = f"[gradient] {error.where}"
        for definition in self.definitions:
            if re.match(re.escape(f"definition of {definition.tensor}") + r"(\[|$)", error.where):
                error.where = f"[forward] {self.said_of(definition.tensor)}"
        if isinstance(error, OutOfRange):
            error.mend = ("keep the subscript within its axis, by [sizes] such as H = \">= h\", or write "
                          "zero_outside = true")
        return error

    def stray_sizes(self) -> Iterator[IllFormed]:
        """Sizes that are compared with something, and are the length of nothing."""
        used = {name for tensor in self.tensors.values() for form_ in tensor.shape for name in form_.names}
        used |= {name for d in self.definitions for name in names_in(d.value)}
        used |= {letter for name, form_ in self.vocabulary.sizes.items() if form_ is not symbol(name)
                 for letter in (name, *form_.names)}
        for letter, entry in self.compared.items():
            if letter not in used:
                yield IllFormed(f"the size {letter} stands in no shape and in no formula", where=f"[sizes] {entry}",
                                mend=nearest(letter, used & self.vocabulary.sizes.keys()))

    def two_ranges(self) -> Iterator[IllFormed]:
        """Letters with a range in [indices] that have another one in [forward]."""
        for definition in self.definitions:
            shape = self.tensors[definition.tensor].shape
            for name, size in zip(definition.indices, shape, strict=True):
                low, high = self.vocabulary.indices.get(name, (ONE, size))
                if (low, high) != (ONE, size):
                    shift = 1 - self.index_base
                    yield IllFormed(f"{name} runs over {low - shift}..{high - shift}, and over {ONE - shift}.."
                                    f"{size - shift} in the formula of {self.said_of(definition.tensor)}",
                                    where=f"[indices] {name}", mend="use two letters, one for each range")

    def letters(self) -> None:
        """What the forward pass calls the indices of the symbols: the letters that first stand there alone."""
        for definition in self.problem.definitions:
            for node in parts_of(definition.value):
                if isinstance(node, Entry):
                    self.name_axes(node, definition.indices)

    def name_axes(self, entry: Entry, indices: Sequence[str]) -> None:
        for known in self.vocabulary.spellings.values():
            for k, one in enumerate(known):
                body = one.named.body
                if isinstance(body, Entry) and body.tensor == entry.tensor and not any(one.named.letters):
                    letters = tuple(form_.bare if form_.bare in indices else "" for form_ in entry.at)
                    if all(letters):
                        known[k] = replace(one, named=replace(one.named, letters=letters))  # type: ignore[arg-type]


def _targets(problem: Problem, by: Sequence[str]) -> Iterator[Target]:
    """What is asked for, with what reverse mode finds as the answer."""
    graph = Graph(problem)
    for tensor in by:
        if bar(tensor) in problem.tensors and tensor not in graph.upstream() and tensor != problem.loss:
            definition = graph.adjoint(tensor).definition
            left = Derivative(Entry(problem.loss), Entry(tensor, definition.entry.at))
            yield Target(Claim(left, definition.value))


def _with_letters(value: Value, letters: Sequence[str], taken: set[str]) -> tuple[Expr, tuple[str, ...]]:
    """The body with the left side's letters, and letters of our own for the axes that have none."""
    names: list[str] = list(letters)
    values: dict[str, Affine] = {}
    for axis in value.axes:
        wished = (axis.letter, *"ijklpqrstuv")
        name = next(c for c in wished if c and c not in names and c not in taken)
        names.append(name)
        values[axis.index] = symbol(name)
    return reindex(value.body, values), tuple(names)


def _listed(value: Any) -> list[str]:
    items_ = value if isinstance(value, list) else [value]
    for item in items_:
        if not isinstance(item, str):
            raise IllFormed(f"{item!r} is not a text", mend="put it in quotes")
    return items_


def _escaped(value: Any, is_key: bool = False) -> str | None:
    r"""A text with the backspace of "\beta", the tab of "\theta": LaTeX in double quotes."""
    if isinstance(value, str):
        odd = "\b\f\x1b" + ("\t\r\n" if is_key else "" if "\n" in value else "\t\r")
        return value if any(character in odd for character in value) else None
    if isinstance(value, dict):
        pairs = ((_escaped(name, True), _escaped(part)) for name, part in value.items())
        return next((odd for pair in pairs for odd in pair if odd is not None), None)
    return next(filter(None, map(_escaped, value)), None) if isinstance(value, list) else None


def _split(text: str) -> list[str]:
    """Between commas outside of braces."""
    return [part.strip() for part in re.split(r",(?![^{]*\})", text)]


def _solved(name: str, equations: Mapping[str, Affine], above: tuple[str, ...] = ()) -> Affine:
    """What a size is equal to, in sizes that are equal to nothing. Raises IllFormed for one made of itself."""
    if name in above:
        loop = " of ".join((*above[above.index(name):], name))
        raise IllFormed(f"the size {name} is made of itself: {loop}", mend="let one of them be a letter of its own")
    form_ = equations[name]
    return form_.substitute({part: _solved(part, equations, (*above, name)) for part in form_.names & equations.keys()})


def _reached(name: str, calls: Mapping[str, Iterable[str]]) -> set[str]:
    """What a function calls, at any depth."""
    found: set[str] = set()
    waiting = list(calls[name])
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += calls[one]
    return found


def _applied(node: Node) -> tuple[str, Group | None]:
    """f(x) as the letter f and the brackets; the name alone where nothing is applied."""
    inner = bare(node)
    group = bare(inner.parts[-1]) if isinstance(inner, Product) and len(inner.parts) > 1 else None
    if isinstance(inner, Product) and isinstance(group, Group) and group.kind == "(":
        return "".join(map(key, inner.parts[:-1])), group
    return key(node), None


def _said_in_conditions(name: Spelled) -> set[str]:
    """The l of `x^{(l<N)}`: it is an index, and the condition says for which l the name is used."""
    groups = [group for item in (*name.below, *name.above) if isinstance(group := bare(item), Group)]
    return {key(part) for group in groups if any(isinstance(bare(inside), Relation) for inside in group.items)
            for part in walk(group)}


def _parsed(text: str) -> Node:
    return _caret(lambda: parse(text), text)  # type: ignore[no-any-return]


def _caret(step: Callable[[], Any], text: str) -> Any:
    """The step; what it cannot read, or what does not fit, is shown with the author's text and a caret under it."""
    try:
        return step()
    except Unreadable as error:
        raise IllFormed(error.what, mend=_pointed(text, error)) from error
    except Mismatch as error:
        raise IllFormed(f"the sizes do not fit: {error.what}",
                        mend=_pointed(text, error) if error.span else error.mend) from error


def _pointed(text: str, error: Unreadable | Mismatch) -> str:
    """The line of the author's text that is meant, a caret under its guilty piece, and how to mend it."""
    start, end = error.span or (0, len(text))
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", begin)
    line = text[begin:stop if stop >= 0 else len(text)].expandtabs(1).rstrip()
    start, end = min(start - begin, len(line)), min(end - begin, len(line))
    cut = max(0, min(start - WIDEST // 3, len(line) - WIDEST))
    if cut:
        line, start, end = "..." + line[cut:], start - cut + 3, end - cut + 3
    if len(line) > WIDEST + 3:
        line, end = line[:WIDEST] + "...", min(end, WIDEST)
    lead = len(line) - len(line.lstrip())
    mark = " " * (start - lead) + "^" * max(1, end - start)
    return "\n    ".join(part for part in (line.lstrip(), mark, error.mend) if part)


def _name(text: str) -> Spelled:
    found = spelled(_as_one_name(_parsed(text)))
    if found is None:
        raise IllFormed(f"{text} is not a name", mend=r"a name is a letter with scripts: \hat{x}_i")
    return found


def _as_one_name(node: Node) -> Node:
    """`out_{h1}` and `d\\mu` as one name of several letters."""
    inner = bare(node)
    if not isinstance(inner, Product) or not all(spelled(part) is not None for part in inner.parts):
        return node
    *first, last = map(bare, inner.parts)
    tail = last.base if isinstance(last, Scripts) else last
    word = Word("".join(map(key, (*first, tail))), (inner.span[0], tail.span[1]))
    return replace(last, base=word, span=inner.span) if isinstance(last, Scripts) else word


def _printed(name: Spelled, found: Pattern) -> str | None:
    """The name for printers, if they know every sign in it."""
    text = printed(name, found)
    try:
        printable(text)
    except Unsupported:
        return None
    return text


def _sign(name: str) -> str:
    """The key of a sign: `otimes`, `*_full`, `^Tr`, `'`."""
    text = name.strip()
    if text == "'":
        return text
    if text.startswith("^"):
        raised = bare(_shown(f"a{text}", name, 1))
        if isinstance(raised, Scripts) and raised.above is not None:
            return "^" + key(raised.above)
    found = next((part for part in walk(_shown(f"a {text} b", name, 2)) if isinstance(part, Sign)), None)
    if found is None:
        raise IllFormed(f"{name!r} is not a sign between factors", mend=r"write '\otimes', '*', '*_{full}', '^{Tr}'")
    return found.text + ("_" + found.below if found.below else "")


def _shown(text: str, name: str, before: int) -> Node:
    """The sign with letters around it, read; a caret stands under the sign alone."""
    try:
        return parse(text)
    except Unreadable as error:
        start, end = (max(0, place - before) for place in error.span)
        moved = Unreadable(error.what, (start, end), mend=error.mend)
        raise IllFormed(error.what, mend=_pointed(name, moved)) from error
