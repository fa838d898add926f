"""The lines of a function: what is computed in which order, and what gets a name.

A name is what the exercise calls a node, or a gradient; else what is used twice, and what would make a line too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from derivs.affine import ONE as FIRST
from derivs.affine import ZERO as NOTHING
from derivs.affine import Affine
from derivs.export.names import free
from derivs.export.plan import LIBRARY, VIEWS, Node
from derivs.export.spell import Speller, is_open
from derivs.export.spell_axes import marks_of, positions
from derivs.export.spellings import COMPARISONS

LONGEST = 100                          # characters of a line
SHORTEST = 24                          # of what gets a name because a line is too long
ALWAYS = frozenset({"windows", "pad", "spread", "scatter", "winner", "fold"})     # these read better with a name
CHEAP = frozenset({"given", "number", "size", "pi", "transpose", "positions", "split", "flip", "entry", "slice",
                   "diagonal", "broadcast"})
WISHES = {"windows": "{}_windows", "pad": "{}_padded", "spread": "{}_spread", "winner": "winner",
          "repeat": "{}_repeated"}


@dataclass(slots=True)
class Body:
    """A function that is being written: the lines so far, and the names that are taken.

    folded: contractions whose terms are windows that overlap.
    """

    speller: Speller
    taken: set[str]
    reserved: frozenset[str] = frozenset()             # names that only what has them on paper may have
    wished: Mapping[Node, str] = field(default_factory=dict)       # the names that nodes have on paper
    in_place: bool = False                             # whether long sums are computed in place
    lines: list[str] = field(default_factory=list)
    folded: set[Node] = field(default_factory=set)

    def compute(self, roots: Sequence[Node], named: Iterable[Node] = ()) -> None:
        """Lines that compute the roots. named: further nodes that get a name, if they are computed at all."""
        variables = self._variables(roots, set(named))
        self.folded |= {_unfolded(node) for node in variables if node.op == "fold"}
        for node in self._order(roots):
            if node in variables:
                self._assign(node)

    def name(self, node: Node) -> str:
        """What the node is called, after it has been computed."""
        return self.speller.write(node)

    # ---- what gets a name

    def _order(self, roots: Sequence[Node]) -> list[Node]:
        """The nodes that are not computed yet, arguments first."""
        done: dict[Node, None] = {}
        stack = [(root, False) for root in reversed(roots)]
        while stack:
            node, ready = stack.pop()
            if node in self.speller.names or node in done:
                continue
            if ready:
                done[node] = None
            else:
                stack.append((node, True))
                stack += [(arg, False) for arg in reversed(node.args)]
        return list(done)

    def _variables(self, roots: Sequence[Node], named: set[Node]) -> set[Node]:
        """The nodes that get a line of their own."""
        order = self._order(roots)
        users: dict[Node, int] = {}
        for node in order:
            if not is_transparent(node):
                for part in self._operands(node):
                    users[part] = users.get(part, 0) + 1
        found = {node for node in order if node in named or node.op in ALWAYS
                 or (users.get(node, 0) > 1 and node.op not in CHEAP and not is_transparent(node)
                     and not is_made_of_sizes(node))}
        columns = {_unfolded(node) for node in found if node.op == "fold"}
        inner = {node.args[0] for node in found if node.op == "fold" and node.args[0].op == "fold"}
        return (found | columns | {root for root in roots if root.op != "number"}) - inner

    def _operands(self, node: Node) -> list[Node]:
        """What is written inside the node's own text: through signs and reciprocals."""
        found: list[Node] = []
        for arg in node.args:
            if arg in self.speller.names:
                continue
            if is_transparent(arg):
                found += self._operands(arg)
            else:
                found.append(arg)
        return found

    # ---- lines

    def _assign(self, node: Node) -> None:
        """The line of a node; parts of it come first where it would be too long."""
        while True:
            text = self._statement(node)
            if max(map(len, text)) + 4 <= LONGEST:
                break
            part = self._longest_part(node)
            if part is None:
                break
            self._assign(part)
        name = self._free_name(node)
        self.lines += [line.replace("{}", name) for line in text]
        self.speller.names[node] = name
        self.speller.like = self.speller.like or name

    def _statement(self, node: Node) -> list[str]:
        """The lines that compute a node, with {} for its name; they may hold no other braces."""
        match node.op:
            case "spread":
                return self._spread(node)
            case "scatter":
                return self._scatter(node)
            case "fold":
                return self._fold(node)
            case "map" if self.speller.target == "numpy" and self.in_place and (steps := self._chain(node)):
                return steps
            case _:
                return [f"{{}} = {self.speller.write(node)}"]

    def _longest_part(self, node: Node) -> Node | None:
        """The part whose text is longest: a sum or a product of matrices at any depth, else an operand."""
        inside = [part for part in self._order([node])[:-1]
                  if part.op in ("reduce", "contract") or (part.op == "map" and part.data[0] in LIBRARY)]
        for parts in (inside, self._operands(node)):
            long = [part for part in parts if part.op not in CHEAP and len(self.speller.write(part)) > SHORTEST]
            if long:
                return max(long, key=lambda part: len(self.speller.write(part)))
        return None

    def _free_name(self, node: Node) -> str:
        wish = self.wished.get(node)
        if wish is None:
            taken = self.taken | self.reserved
            base = self._suggestion(node)
            wish = next(name for name in (f"{base}{k if k > 1 else ''}" for k in count(1)) if name not in taken)
        name = free(wish, self.taken)
        self.taken.add(name)
        return name

    def _suggestion(self, node: Node) -> str:
        """A name for what has none on paper."""
        if node.op in WISHES:
            base = node
            while base.op in VIEWS | ALWAYS and base not in self.speller.names and base.args:
                base = base.args[0]
            name = self.speller.names.get(base, "x")
            return WISHES[node.op].format(name.removesuffix("_padded").removesuffix("_spread"))
        if node.op == "contract" and node in self.folded:
            return "columns"
        if node.op == "reduce":
            inner = node.args[0]
            if node.data[0] == "max":
                return "peak"
            return "total" if inner.op == "map" and inner.data[0] == "exp" else "s"
        if node.op == "map":
            function = node.data[0]
            if function.startswith("call ") and node.args[0] in self.speller.names:
                return f"{self.speller.letters[function[5:]]}_{self.speller.names[node.args[0]]}"
            if function in LIBRARY and node.args[0] in self.speller.names and function != "power":
                return f"{function}_{self.speller.names[node.args[0]]}"
            if function == "add" and len(node.args) == 2 and is_transparent(node.args[1]) and _is_mean(node.args[1]):
                return "centred"
            if function == "sqrt":
                return "norm" if node.args[0].op == "reduce" else "std"
            return "mask" if function in COMPARISONS else {"exp": "e", "as_real": "on"}.get(function, "t")
        return "t"

    # ---- what is no expression

    def _chain(self, node: Node, *, scaled: bool = False) -> list[str]:
        """A long sum of matrices, term by term in the memory of the first: no temporary for each of the others.

        scaled: it is multiplied by something afterwards, in place too, which pays for a short sum of vectors.
        """
        function, _ = node.data
        speller = self.speller
        if function == "mul":
            return self._scaled(node)
        if function != "add" or (not scaled and (node.ndim < 2 or len(node.args) < 3)):
            return []
        first = next((k for k, arg in enumerate(node.args) if arg.ndim == node.ndim and arg.op == "map"
                      and arg not in speller.names and not is_transparent(arg)), None)
        if first is None:
            return [f"{{}} = {speller.write(node)}"] if scaled and len(node.args) == 2 else []
        found = [f"{{}} = {speller.aligned(node, first, 1)}"]
        for k in range(len(node.args)):
            if k != first:
                text = speller.aligned(node, k, 2)
                found.append(f"{{}} -= {text[1:]}" if text.startswith("-") else f"{{}} += {text}")
        return found

    def _scaled(self, node: Node) -> list[str]:
        """Such a sum times one factor, or times several numbers, which are put together first."""
        whole = [k for k, arg in enumerate(node.args) if arg.ndim == node.ndim]
        if len(whole) != 1 or node.args[whole[0]] in self.speller.names or node.args[0].op == "number":
            return []
        inner = node.args[whole[0]]
        rest = [k for k in range(len(node.args)) if k != whole[0]]
        numbers = all(node.args[k].ndim == 0 for k in rest)
        steps = self._chain(inner, scaled=numbers) if inner.op == "map" and inner.data[0] in ("add", "mul") else []
        if not steps or (len(rest) != 1 and not numbers):
            return []
        over, under = [], []
        for k in rest:
            by, places = node.args[k], node.data[1]
            if by.op == "map" and by.data[0] == "reciprocal":
                below = Node("map", (by.args[0],), node.shape, ("", (places[k],)))
                under.append(self.speller.aligned(below, 0))
            else:
                over.append(self.speller.aligned(node, k, 2))
        if over:
            return [*steps, f"{{}} *= {' / '.join([' * '.join(over), *under])}"]
        return [*steps, f"{{}} /= {under[0]}" if len(under) == 1 else f"{{}} /= {' * '.join(under)}"]

    def _spread(self, node: Node) -> list[str]:
        """Zeros between the entries along an axis."""
        axis, step = node.data
        speller = self.speller
        inner = speller.write(node.args[0])
        shape = ", ".join(map(speller.length, node.shape)) + ("," if node.ndim == 1 else "")
        shape = f"({shape})" if node.ndim > 1 else shape[:-1]
        place = marks_of(speller, {axis: f"::{speller.length(step)}"})
        match speller.target:
            case "jax":
                return [f"{{}} = jnp.zeros({shape}, {inner}.dtype).at{place}.set({inner})"]
            case "torch":
                return [f"{{}} = {inner}.new_zeros({shape})", f"{{}}{place} = {inner}"]
            case _:
                return [f"{{}} = np.zeros({shape}, {inner}.dtype)", f"{{}}{place} = {inner}"]

    def _scatter(self, node: Node) -> list[str]:
        """The values put at the places of the winners of their windows; added up where windows overlap."""
        lengths, places, apart = node.data
        values, winner = map(self.speller.write, node.args)
        names = ("rows", "columns") if len(places) == 2 else tuple(f"at{k}" for k in range(len(places)))
        names = tuple(free(name, self.taken | self.reserved) for name in names)
        self.taken |= set(names)
        lines = [f"{name} = {self._place(node.args[0], winner, lengths, steps, start)}"
                 for name, (steps, start) in zip(names, places, strict=True)]
        at = ", ".join(names)
        speller = self.speller
        shape = ", ".join(map(speller.length, node.shape)) + ("," if node.ndim == 1 else "")
        shape = f"({shape})" if node.ndim > 1 else shape[:-1]
        match speller.target:
            case "jax":
                return [*lines,
                        f"{{}} = jnp.zeros({shape}, {values}.dtype).at[{at}].{'set' if apart else 'add'}({values})"]
            case "torch":
                put = (f"{{}}[{at}] = {values}" if apart else
                       f"{{}}.index_put_(({at}{',' * (node.ndim == 1)}), {values}, accumulate=True)")
                return [*lines, f"{{}} = {values}.new_zeros({shape})", put]
            case _:
                put = (f"{{}}[{at}] = {values}" if apart else
                       f"np.add.at({{}}, ({at}{',' * (node.ndim == 1)}), {values})")
                return [*lines, f"{{}} = np.zeros({shape}, {values}.dtype)", put]

    def _fold(self, node: Node) -> list[str]:
        """Windows that overlap, added up: a loop over the offsets in a window, all windows at once."""
        speller = self.speller
        base = _unfolded(node)
        values = speller.write(base)
        axes = list(range(base.ndim))                              # of the base, that are left
        folds: list[Node] = []
        inner = node
        while inner is not base:
            folds.append(inner)
            inner = inner.args[0]
        ranges: dict[int, tuple[str, str, Node]] = {}              # axis of the base -> offset, its range, the fold
        places: dict[int, str] = {}
        letters = iter(name for name in "uvabcdefghklm" if name not in self.taken | self.reserved)
        for fold in reversed(folds):
            at, offsets, step, dilation, start = fold.data
            letter = next(letters)
            ranges[axes[offsets]] = (letter, speller.length(base.shape[axes[offsets]]), fold)
            first = letter if dilation is FIRST else f"{speller.length(dilation)} * {letter}"
            if start.terms:
                first += f" + {speller.length(start)}"
            reach = speller.length(step * (base.shape[axes[at]] - 1) + 1)
            stride = "" if step is FIRST else f":{speller.length(step)}"
            places[axes[at]] = f"{first}:{first} + {reach}{stride}"
            del axes[offsets]
        target = ", ".join(places.get(axis, ":") for axis in axes)
        source = marks_of(speller, {axis: letter for axis, (letter, _, _) in ranges.items()})
        names = [letter for letter, _, _ in ranges.values()]
        counts = [count for _, count, _ in ranges.values()]
        head = (f"for {names[0]} in range({counts[0]}):" if len(names) == 1 else
                f"for {', '.join(names)} in np.ndindex({', '.join(counts)}):")
        shape = ", ".join(map(speller.length, node.shape)) + ("," if node.ndim == 1 else "")
        return [f"{{}} = np.zeros(({shape}), {values}.dtype)", head, f"    {{}}[{target}] += {values}{source}"]

    def _place(self, values: Node, winner: str, lengths: Sequence[Affine],
               steps: Sequence[tuple[str, int, Affine]], start: Affine) -> str:
        """The index along one axis: 2 * np.arange(R)[:, None] + winner // 2."""
        speller = self.speller
        found = []
        for kind, place, c in sorted(steps, key=lambda step: step[0]):
            if kind == "axis":
                text = positions(speller, Node("positions", (), (values.shape[place],), NOTHING))
                if place < values.ndim - 1:
                    text += f"[:{', None' * (values.ndim - 1 - place)}]"
            else:
                rest = [speller.length(length) for length in lengths[place + 1:]]
                text = winner if not rest else f"{winner} // {_times(rest)}"
                if place and rest:
                    text = f"({text}) % {speller.length(lengths[place])}"
                elif place:
                    text = f"{winner} % {speller.length(lengths[place])}"
            found.append(text if c is FIRST else f"{speller.length(c)} * {f'({text})' if is_open(text) else text}")
        if start is not NOTHING:
            found.append(speller.length(start))
        return " + ".join(found) or "0"


def _unfolded(node: Node) -> Node:
    """What is folded, along one axis or several."""
    while node.op == "fold":
        node = node.args[0]
    return node


def _times(sizes: Sequence[str]) -> str:
    return sizes[0] if len(sizes) == 1 else f"({' * '.join(sizes)})"


def is_transparent(node: Node) -> bool:
    """A reciprocal or a minus sign: it has no name of its own."""
    if node.op != "map":
        return False
    function = node.data[0]
    return function == "reciprocal" or (function == "mul" and len(node.args) == 2 and node.args[0].op == "number"
                                        and node.args[0].data == -1)


def _is_mean(node: Node) -> bool:
    """Whether it is a mean with a minus sign."""
    return node.args[-1].op == "reduce" and node.args[-1].data[0] == "mean"


def is_made_of_sizes(node: Node) -> bool:
    """A number that only hangs on sizes and inputs that are numbers: quicker written than stored."""
    return not node.ndim and node.op in ("map", "size", "number", "pi", "given") and all(
        map(is_made_of_sizes, node.args)) and (node.op != "map" or node.data[0] in ("add", "mul", "reciprocal", "sqrt"))
