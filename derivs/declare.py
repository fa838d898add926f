"""An exercise as a text file: a declaration in LaTeX and a few words becomes a problem with its vocabulary.

The words are those of docs/declarations.md. A mistake in a declaration is reported like one in a derivation: where,
what, how to mend; all of them at once. Nothing of it is run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, get_args

from derivs.affine import Affine, symbol
from derivs.derive import Graph
from derivs.errors import DerivsError, IllFormed, Unreadable, Unsupported, nearest
from derivs.expr import Derivative, Entry, Expr, names_in, power, reindex
from derivs.expr import walk as parts_of
from derivs.names import read as printable
from derivs.problem import Claim, Definition, Problem, Property, Role, Target, Tensor, bar
from derivs.reading.choices import Choices
from derivs.reading.claims import einstein
from derivs.reading.introduce import Pattern, identity, pattern, printed, spelling, standing_for
from derivs.reading.lengths import length, size_key, span
from derivs.reading.meaning import formula_body, read
from derivs.reading.parse import parse
from derivs.reading.spelling import Spelled, bare, key, letters, spelled
from derivs.reading.state import State
from derivs.reading.syntax import Group, Node, Product, Relation, Scripts, Sign, Word, walk
from derivs.reading.value import Value
from derivs.reading.vocabulary import Formula, Meaning, Named, Spelling, Vocabulary
from derivs.rules.functions import FUNCTIONS
from derivs.scope import ranges
from derivs.wellformed import gathered, inferred_shape, mistakes

LARGEST: Final = 200_000               # characters of a declaration
MOST: Final = 400                      # entries in one of its tables
TABLES: Final = ("name", "title", "source", "symbols", "forward", "gradient", "aliases", "operators", "functions",
                 "sets", "indices", "sizes", "conventions", "given", "description", "begins", "ends")
SHAPE: Final = re.compile(r"\s*(scalar|vector|matrix|tensor|row|column|index)\s*(?:\[([^\]]*)\])?")
ROLES: Final[Mapping[str, Role]] = {"input": "input", "parameter": "parameter", "constant": "constant",
                                    "target": "target", "defined": "node"}
RANK: Final = {"scalar": 0, "vector": 1, "row": 1, "column": 1, "matrix": 2}
CONVENTIONS: Final = ("zero_outside", "index_base", "layout", "einstein", "at_kink", "given")
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
                        mend=r"LaTeX stands in single quotes: '\beta' = \"scalar\"") from error
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
    steps = (builder.tables, builder.sizes, builder.symbols, builder.words, builder.early_aliases, builder.forward,
             builder.gradient, builder.late_aliases, builder.conventions, builder.finish)
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
    problem: Problem = field(default_factory=lambda: Problem("", "", "", {}, (), "", ()))

    def attempt(self, place: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """What the step returns; None, and a mistake more, where it fails."""
        try:
            return step(*arguments)
        except DerivsError as error:
            self.errors.append(error.at(place))
            return None

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
            elif isinstance(value, dict) and len(value) > MOST:
                self.errors.append(IllFormed(f"[{name}] has more than {MOST} entries", where=name))
        if not self.errors and not self.data.get("forward"):
            self.errors.append(IllFormed("nothing is computed", where="[forward]",
                                         mend="""write the forward pass: 'y_i' = '\\exp(x_i)'"""))

    def text_of(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise IllFormed(f"{value!r} is not a text", where=place, mend="put it in quotes")
        return value

    def sizes(self) -> None:
        """[sizes], and the letters in the shapes."""
        for name, said in self.entries("sizes"):
            self.attempt(f"[sizes] {name}", self.size, name, said)

    def size(self, name: str, said: Any) -> None:
        text = self.text_of(said, name).strip()
        known = self.vocabulary.sizes
        own = size_key(name)
        for sign, shift in ((">=", 0), ("<=", 0), (">", 1), ("<", 1), ("=", 0)):
            if text.startswith(sign):
                value = length(text.removeprefix(sign), known)
                if sign == "=":
                    known[own] = value
                    return
                known.setdefault(own, symbol(own))
                gap = known[own] - value if sign[0] == ">" else value - known[own]
                self.facts.append(gap - shift)
                return
        raise IllFormed(f"{text!r} is not a constraint", mend='write ">= 2", ">= h" or "= H-h+1"')

    def shape(self, text: str) -> tuple[Affine, ...]:
        found = tuple(length(part, self.vocabulary.sizes) for part in _split(text))
        for form_ in found:
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
        text = self.text_of(said, name)
        written = _name(name)
        head, _, places = text.partition(" at ")
        match = SHAPE.match(head)
        if match is None:
            raise IllFormed(f"{head!r} does not begin with a shape",
                            mend='write "scalar", "vector[n]", "matrix[n,m]", "tensor[a,b,c]", "row[n]", "column[n]"')
        kind, inside = match.group(1), match.group(2)
        shape = self.shape(inside) if inside is not None else ()
        if (kind in RANK and len(shape) != RANK[kind]) or (kind != "scalar" and not shape):
            wanted = {"scalar": "no length", "matrix": "two lengths"}.get(kind, "one length")
            raise IllFormed(f"a {kind} has {wanted}, here there are {len(shape)}", mend=f"in {text!r}")
        role, properties, label = self.words_after(head[match.end():], kind)
        if kind == "index":
            if len(shape) != 1:
                raise IllFormed("an index has one range", mend='write "index[K]"')
            label, shape = shape[0], ()
        letters = tuple(_split(places)) if places else ()
        found = pattern(written, [size_key(letter) for letter in letters])
        if letters and sorted(found.letters) != sorted(map(size_key, letters)):
            raise IllFormed(f"the indices {places!r} do not all stand in {name}",
                            mend="write 'x_i^s' = \"matrix[B,M] at s,i\"")
        if len(letters) > len(shape):
            raise IllFormed(f"{len(letters)} indices for {len(shape)} axes")
        tensor = identity(found)
        if tensor in self.tensors:
            raise IllFormed(f"{name} is declared twice", mend="give one of them another name")
        full = (*shape, label) if label is not None else shape
        if label is not None:
            properties |= {"onehot"}
        self.tensors[tensor] = Tensor(tensor, full, role, properties, latex=_printed(written, found))
        order = tuple(map(size_key, letters)) or ()
        self.patterns.append(order)
        parameters = tuple(f"@{k}" for k in range(len(full)))
        named = Named(Entry(tensor, tuple(map(symbol, parameters))), parameters, shape, order,
                      kind if kind in ("row", "column") else "", label)  # type: ignore[arg-type]
        self.vocabulary.add(spelling(found, named, order or [""] * len(shape), name) if letters
                            else Spelling(found.base, found.below, found.above, named, name))

    def words_after(self, text: str, kind: str) -> tuple[Role, frozenset[Property], Affine | None]:
        """Roles and properties behind a shape."""
        role: Role = "input"
        properties: set[Property] = set()
        label = None
        for word in re.findall(r"in\(0, ?1\)|index\s*\[[^\]]*\]|[^\s,]+", text):
            plain = word.replace(" ", "")
            if plain.startswith("index["):
                label, = self.shape(plain[6:-1])
            elif plain in ROLES:
                role = ROLES[plain]
            elif plain in get_args(Property):
                properties.add(plain)
            else:
                known = (*ROLES, *get_args(Property))
                raise IllFormed(f"{word!r} is neither a role nor a property", mend=nearest(word, known))
        if label is not None and kind not in ("vector", "matrix", "tensor"):
            raise IllFormed("only a vector, matrix or tensor has labels as entries", mend='write "vector[n] index[3]"')
        return role, frozenset(properties), label

    # ---- signs, functions, sets

    def words(self) -> None:
        for name, said in self.entries("operators"):
            self.attempt(f"[operators] {name}", self.operator, name, said)
        for name, said in self.entries("functions"):
            self.attempt(f"[functions] {name}", self.function, name, said)
        for table in ("sets", "indices"):
            for name, said in self.entries(table):
                self.attempt(f"[{table}] {name}", self.span, table, name, said)

    def operator(self, name: str, said: Any) -> None:
        meaning = self.text_of(said, name)
        meaning = "hadamard" if meaning == HADAMARD_LATER else meaning
        if meaning not in get_args(Meaning):
            raise IllFormed(f"{meaning!r} is not a meaning of a sign",
                            mend=nearest(meaning, (*get_args(Meaning), HADAMARD_LATER)))
        self.vocabulary.operators[_sign(name)] = meaning  # type: ignore[assignment]

    def function(self, name: str, said: Any) -> None:
        text = self.text_of(said, name)
        node = _parsed(name)
        if isinstance(bare(node), Product):
            parts = bare(node).parts  # type: ignore[union-attr]
            if len(parts) >= 2 and isinstance(bare(parts[-1]), Group):
                head = "".join(key(part) for part in parts[:-1])
                arguments = tuple(key(item) for item in bare(parts[-1]).items)  # type: ignore[union-attr]
                self.vocabulary.functions[head] = Formula(arguments, _parsed(text))
                return
        head = key(node)
        if text == "any":
            self.vocabulary.functions[head] = "?" + re.sub(r"[^A-Za-z]", lambda c: DIGITS.get(c[0], ""), head)
        elif text == "any scalar":
            raise Unsupported("a function of tensors that is not known is not read yet",
                              mend='let it be the loss: [gradient] of = ["y"], loss = "E"')
        elif text in FUNCTIONS or text in ("softmax", "heaviside", "mean", "var", "sum of each row", "sum", "diag",
                                           "trace"):
            self.vocabulary.functions[head] = text
        else:
            known = (*FUNCTIONS, "softmax", "heaviside", "mean", "var", "sum of each row", "any")
            raise IllFormed(f"{text!r} is not a function", mend=nearest(text, known))

    def span(self, table: str, name: str, said: Any) -> None:
        low, high = span(self.text_of(said, name), self.vocabulary.sizes)
        for letter in sorted(low.names | high.names):
            if letter not in self.vocabulary.sizes:
                raise IllFormed(f"the size {letter} is not known", mend=nearest(letter, self.vocabulary.sizes))
        shift = 1 - self.index_base if table == "indices" else 0
        getattr(self.vocabulary, table)[key(_parsed(name))] = (low + shift, high + shift)

    @property
    def index_base(self) -> int:
        base = self.data.get("conventions", {}).get("index_base", 1)
        return 0 if base == 0 and base is not False else 1

    # ---- aliases

    def early_aliases(self) -> None:
        """Other names of symbols, which the forward pass may use."""
        self.vocabulary.index_base = self.index_base
        for name, said in self.entries("aliases"):
            self.waiting[name] = self.attempt(f"[aliases] {name}", self.text_of, said, name)
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
        state = self.state()
        if found is None:
            read(state, node, frozenset())
            self.vocabulary.phrases[key(left)] = node
            return
        value = read(state, node, frozenset())
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        taken = pattern(found, free)
        stray = sorted(free - set(taken.letters))
        if stray:
            raise IllFormed(f"{stray[0]} stands on the right only", mend=f"let {stray[0]} stand in {name} too")
        bounds = ranges(self.made, (value.body,)) if taken.letters else {}
        named = standing_for(value, taken.letters, [bounds[letter][1] for letter in taken.letters])
        if isinstance(value.body, Entry) and not value.axes and not taken.letters:
            named = replace(named, turn=value.turn)
        self.vocabulary.add(spelling(taken, named, (*taken.letters, *("" for _ in value.axes)), name,
                                     origin="alias"))

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
        left, node = _name(name), _parsed(self.text_of(said, name))
        value = _caret(lambda: read(self.state(), node, frozenset()), said)
        known = next(iter(self.vocabulary.matches(left)), None)
        declared = known is not None and isinstance(known.spelling.named.body, Entry) and (
            self.tensors[known.spelling.named.body.tensor].role == "node")
        free = names_in(value.body) - set(self.sized) - {axis.index for axis in value.axes}
        if self.data.get("conventions", {}).get("einstein") is True:
            kept = frozenset(key(part) for item in (*left.below, *left.above) for part in letters(item))
            bounds = {name: two for name, two in ranges(self.made, (value.body,)).items() if name in free}
            value = replace(value, body=einstein(value.body, kept, bounds))
            free &= names_in(value.body)
        if declared:
            assert known is not None
            self.define_declared(known.spelling, known.subscripts, value, name)
            return
        found = pattern(left, free)
        if stray := sorted(free - set(found.letters)):
            raise IllFormed(f"{stray[0]} is free on the right and does not stand on the left",
                            mend=f"sum over {stray[0]}, or write it on the left")
        if len(set(found.letters)) < len(found.letters):
            raise IllFormed("an index letter stands twice on the left")
        tensor = identity(found)
        if tensor in self.tensors:
            raise IllFormed(f"{name} is defined twice", mend="give one of them another name")
        order = next((p for p in self.patterns if sorted(p) == sorted(found.letters)), found.letters)
        fitted, indices = _with_letters(value, order, set(self.sized) | self.tensors.keys())
        definition = Definition(tensor, indices, fitted)
        empty = replace(self.made, tensors={**self.tensors, tensor: Tensor(tensor, (), "node")})
        of_letters = inferred_shape(empty, definition, order) if order else ()
        shape = (*of_letters, *(axis.size for axis in value.axes if axis.size is not None))
        if len(shape) != len(indices):
            raise IllFormed("the length of an axis is not known")
        self.add_node(found, definition, shape, name, _printed(left, found), value.turn)

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
            raise IllFormed(f"{name} is defined twice")
        letters = [key(item) for item in subscripts if item is not None]
        if len(value.axes) + len(letters) != len(shape):
            raise IllFormed(f"{name} has {len(shape)} axes, the right side is {value} for {len(letters)} indices")
        opened = [k for k, item in enumerate(subscripts) if item is None]
        for axis, k in zip(value.axes, opened, strict=True):
            if axis.size is not None and axis.size is not shape[k]:
                raise IllFormed(f"an axis of length {shape[k]} is defined by one of length {axis.size}")
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
            if name not in ("of", "by", "loss", "upstream", "target"):
                self.errors.append(IllFormed(f"{name!r} is not part of [gradient]", where="[gradient]",
                                             mend=nearest(name, ("of", "by", "loss", "upstream", "target"))))
        if not self.errors:
            self.attempt("[gradient]", self.losses, said)

    def losses(self, said: Mapping[str, Any]) -> None:
        outputs = [self.tensor_named(name, "of") for name in _listed(said.get("of", []), "of")]
        loss = self.text_of(said.get("loss", ""), "loss")
        node = _name(loss) if loss else None
        found = None if node is None else next(iter(self.vocabulary.matches(node)), None)
        if found is not None and isinstance(found.spelling.named.body, Entry):
            letter = found.spelling.named.body.tensor
            outputs = [letter, *(o for o in outputs if o != letter)]
        elif outputs:
            letter = key(node.node) if node else "E"
            while letter in self.tensors or letter in self.vocabulary.sizes:
                letter += "'"
            self.tensors[letter] = Tensor(letter, (), "loss", latex=_printed(node, pattern(node, ())) if node else None)
            if node:
                self.vocabulary.add(Spelling(node.base, tuple(map(key, node.below)), tuple(map(key, node.above)),
                                             Named(Entry(letter)), loss))
        else:
            raise IllFormed("it is not said what is differentiated",
                            mend='write loss = "L" for a node L, or of = "y" and loss = "E" for any function E of y')
        self.vocabulary.losses[key(node.node) if node else letter] = letter
        for tensor in list(self.tensors.values()):
            if tensor.role != "loss":
                self.tensors[bar(tensor.name)] = Tensor(bar(tensor.name), tensor.shape, "cotangent")
        self.problem = replace(self.made, tensors=self.tensors, loss=letter, outputs=tuple(outputs))
        if "upstream" in said:
            self.upstream(self.text_of(said["upstream"], "upstream"), outputs)
        if "target" in said:
            self.vocabulary.target = _parsed(self.text_of(said["target"], "target"))

    def upstream(self, name: str, outputs: Sequence[str]) -> None:
        """The author's letter for the given gradient."""
        tensor = self.tensors[outputs[0]]
        parameters = tuple(f"@{k}" for k in range(len(tensor.shape)))
        body = Derivative(Entry(self.problem.loss), Entry(tensor.name, tuple(map(symbol, parameters))))
        own = next((s.named for known in self.vocabulary.spellings.values() for s in known
                    if isinstance(s.named.body, Entry) and s.named.body.tensor == tensor.name), None)
        found = _name(name)
        letters = own.letters if own else ()
        taken = pattern(found, letters)
        named = Named(body, parameters, tensor.shape, letters, own.turn if own else "")
        self.vocabulary.add(spelling(taken, named, letters, name) if taken.letters
                            else Spelling(taken.base, taken.below, taken.above, named, name))

    def tensor_named(self, name: str, place: str) -> str:
        written = _name(name)
        found = next(iter(self.vocabulary.matches(written)), None)
        if found is None:
            same = self.vocabulary.spellings.get(written.base, [])
            if len(same) == 1 and not written.below and not written.above:
                found_body = same[0].named.body
            else:
                raise IllFormed(f"{name} is not declared", where=f"[gradient] {place}",
                                mend=self.vocabulary.suggestion(written))
        else:
            found_body = found.spelling.named.body
        if not isinstance(found_body, Entry):
            raise IllFormed(f"{name} is no node or symbol of its own", where=f"[gradient] {place}")
        return found_body.tensor

    # ---- conventions

    def conventions(self) -> None:
        said = self.data.get("conventions", {})
        for name in said:
            if name not in CONVENTIONS:
                self.errors.append(IllFormed(f"{name!r} is not a convention", where="[conventions]",
                                             mend=nearest(name, CONVENTIONS)))
        if said.get("index_base", 1) not in (0, 1):
            self.errors.append(IllFormed("index_base is 0 or 1", where="[conventions]"))
        layout = said.get("layout", "shape")
        if layout not in ("shape", "numerator", "denominator"):
            self.errors.append(IllFormed(f"{layout!r} is not a layout", where="[conventions] layout",
                                         mend='write "shape", "numerator" or "denominator"'))
        for name in ("zero_outside", "einstein"):
            if not isinstance(said.get(name, False), bool):
                self.errors.append(IllFormed(f"{name} is true or false", where="[conventions]"))
        if self.errors:
            return
        self.vocabulary.layout = layout
        self.vocabulary.einstein = said.get("einstein", False)
        if said.get("zero_outside"):
            self.tensors = {name: replace(tensor, zero_outside=True) for name, tensor in self.tensors.items()}
            self.problem = replace(self.problem, tensors=self.tensors)
        if "at_kink" in said:
            self.attempt("[conventions] at_kink", self.at_kink, str(said["at_kink"]))
        given = [*_listed(said.get("given", []), "given"), *_listed(self.data.get("given", []), "given")]
        self.vocabulary.given = tuple(filter(None, (self.attempt("[conventions] given", _parsed, g) for g in given)))

    def at_kink(self, text: str) -> None:
        """`excluded`, a value for every kink, or `f'(0) = a`."""
        if text == "excluded":
            return
        node = _parsed(text)
        functions = ["relu"]
        if isinstance(node, Relation):
            left, right = bare(node.sides[0]), node.sides[1]  # type: ignore[arg-type]
            head = left.parts[0] if isinstance(left, Product) else left
            name = key(head).rstrip("'")
            kind = self.vocabulary.functions.get(name, name)
            if not isinstance(kind, str) or kind not in FUNCTIONS or FUNCTIONS[kind].kink is None or right is None:
                raise IllFormed(f"{name} is no function with a kink", mend="write f'(0) = 0 for a declared relu f")
            functions, node = [kind], right
        value = read(self.state(), node, frozenset())
        if value.rank:
            raise IllFormed("the value at a kink is a number")
        self.problem = replace(self.problem, kinks=dict.fromkeys(functions, value.body))

    def finish(self) -> None:
        self.letters()
        self.problem = replace(self.problem, indices=dict(self.vocabulary.indices))
        self.errors += mistakes(self.problem)
        for name, said in self.vocabulary.functions.items():
            if isinstance(said, Formula) and not self.errors:
                self.attempt(f"[functions] {name}", formula_body, self.state(), said)
        if not self.errors:
            wanted = [self.attempt("[gradient] by", self.tensor_named, name, "by")
                      for name in _listed(self.data.get("gradient", {}).get("by", []), "by")]
            if not self.errors:
                self.problem = replace(self.problem, targets=tuple(_targets(self.problem, wanted)))

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


def _listed(value: Any, place: str) -> list[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, str):
            raise IllFormed(f"{item!r} is not a text", where=place, mend="put it in quotes")
    return items


def _split(text: str) -> list[str]:
    """Between commas outside of braces."""
    return [part.strip() for part in re.split(r",(?![^{]*\})", text)]


def _parsed(text: str) -> Node:
    return _caret(lambda: parse(text), text)  # type: ignore[no-any-return]


def _caret(step: Callable[[], Any], text: str) -> Any:
    """The step; what it cannot read is shown with the author's text and a caret under it."""
    try:
        return step()
    except Unreadable as error:
        start, end = error.span
        line = text.replace("\n", " ")
        mark = " " * start + "^" * max(1, min(end, len(line)) - start)
        mend = f"\n    {error.mend}" if error.mend else ""
        raise IllFormed(error.what, mend=f"{line}\n    {mark}{mend}") from error


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
        return "^" + key(_parsed(text[1:].strip()))
    node = _parsed(f"a {text} b")
    found = next((part for part in walk(node) if isinstance(part, Sign)), None)
    if found is None:
        raise IllFormed(f"{name} is not a sign between factors", mend=r"write '\otimes', '*', '*_{full}', '^{Tr}'")
    return found.text + ("_" + found.below if found.below else "")
