"""A row for each mistake: which changes of a formula undo it. The names are those of `derivs.rules.mistakes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from derivs.edits import functions, indices, parts, powers, values
from derivs.edits.places import Site, Words
from derivs.reading.syntax import Node

Changes = Callable[[Site, Words], Iterator[Node]]


@dataclass(frozen=True, slots=True)
class Row:
    """changes: what may stand in the place of a part.

    weight: how much rarer the mistake is than a wrong sign, and so how much less text another explanation may change
    to be preferred to it. per_sign: what each sign of changed text weighs; sums are written with many.
    """

    mistake: str
    changes: Changes
    weight: float
    per_sign: float = 0.12


# Rows with few changes come first, so that a long line is not given up before they are tried.
TABLE: Final = (
    Row("sign in the exponent", functions.sign_in_exponent, 0),
    Row("sign", values.sign, 0),
    Row("merged sums", indices.merged_sums, 1, 0.01),
    Row("strict", functions.strict, 1),
    Row("threshold", functions.threshold, 0, 0.04),
    Row("rare inputs", functions.absolute, 0),
    Row("m-1 for m", values.one_less, 1),
    Row("epsilon", powers.epsilon, 1),
    Row("kernel not flipped", parts.kernel, 1),
    Row("layer index", indices.layer, 1),
    Row("square", powers.square, 1),
    Row("transposed", parts.transposed, 1),
    Row("factor", values.number_factor, 1),
    Row("index", indices.index, 1),
    Row("extra sum", indices.extra_sum, 2, 0.05),
    Row("split sum", indices.split_sum, 2, 0.02),
    Row("root", powers.root, 2),
    Row("lost exp", functions.exponential, 1),
    Row("exponent", powers.exponent, 2),
    Row("size factor", values.size_factor, 2),
    Row("extra term", parts.extra_term, 4),
    Row("extra factor", parts.extra_factor, 4),
    Row("inverse", values.inverse, 3),
    Row("wrong derivative", functions.wrong_derivative, 4),
    Row("diagonal only", indices.diagonal, 3, 0.05),
    Row("shift", indices.shift, 2),
    Row("wrong axis", indices.wrong_axis, 2, 0.05),
    Row("order", parts.order, 2),
    Row("order", parts.exchanged, 2),
    Row("dropped sum", indices.dropped_sum, 2, 0.05),
    Row("index", indices.indices, 2),
    Row("missing delta", parts.delta, 4),
    Row("wrong name", indices.name, 4),
    Row("lost log", functions.logarithm, 4),
    Row("missing factor", parts.missing_factor, 6),
    Row("missing term", parts.missing_one, 4),
)
