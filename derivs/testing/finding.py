"""What is said of a property that does not hold: where, both values, how far off, and a program that shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from derivs.expr import Entry
from derivs.problem import Problem
from derivs.testing.engine import CACHE, Description, Plan
from derivs.testing.exact import as_float, exact_value, quantity, shown
from derivs.testing.example import Example, literal
from derivs.testing.properties import Failure, Property
from derivs.testing.trial import Subject
from derivs.text import text

BUG: Final = "the exact value contradicts our own bound: this is a bug in derivs, please report it"
NO_ROUNDING: Final = 1e100             # units of a bound that is next to nothing
WEAK: Final = {True: "!", False: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A property that does not hold, at the smallest input that was found.

    quantity: what is off, counted from 1 as formulas are. at: where it stands in the array, counted from 0. got, want:
    both values; exact: the right one, certified by ball arithmetic, "" where it was not. off: the difference in units
    of the rounding bound. why: in words; mistake: what was done, where that explains all answers. program: runs.
    """

    property: str
    is_weakness: bool
    example: Example
    quantity: str = ""
    at: tuple[int, ...] = ()
    got: float | None = None
    want: float | None = None
    exact: str = ""
    off: float | None = None
    why: str = ""
    mistake: str = ""
    program: str = ""

    def fields(self) -> dict[str, Any]:
        """As JSON; a number that JSON has not is a string."""
        return {"property": self.property, "severity": "inaccurate" if self.is_weakness else "wrong",
                "sizes": dict(self.example.sizes),
                "inputs": {name: np.asarray(array).tolist() for name, array in self.example.arrays.items()},
                "quantity": self.quantity, "index": list(self.at), "got": _number(self.got), "want": _number(self.want),
                "exact": self.exact, "bounds": _number(self.off), "why": self.why, "mistake": self.mistake,
                "program": self.program}


def finding(subject: Subject, property: Property, failure: Failure, functions: Mapping[str, Description],
            mistake: str = "") -> Finding:
    """What is said of a failure."""
    example = failure.trial.example(failure.point)
    exact, why = "", failure.why
    if failure.want is not None and property.name not in ("linear", "rows"):
        value = exact_value(subject.truth, example.sizes, example.arrays, failure.name, failure.at)
        if value is not None:
            exact = shown(value)
            if _contradicts(failure, as_float(value)):
                why = BUG
    problem = subject.problem
    said = text(quantity(problem, failure.name, failure.at), problem) if failure.name in problem.tensors else ""
    return Finding(property.name, property.is_weakness, example, said, failure.at, failure.got, failure.want,
                   exact, failure.off, why, mistake, program(problem, subject.plan, functions, example, failure))


def _contradicts(failure: Failure, exact: float) -> bool:
    """Whether the float that we compare with lies further from the exact value than its bound says."""
    error = failure.trial.true(failure.name).error[(failure.point, *failure.at)]
    return bool(failure.want is not None and math.isfinite(error) and math.isfinite(exact)
                and abs(exact - failure.want) > 2 * error + 2.0 ** -1000)


def _number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


# ---- in words --------------------------------------------------------------------------------------------------------

def words(found: Finding, problem: Problem) -> list[str]:
    """The lines of a block, without the program."""
    lines = [f"at {place(found.example, problem)}"]
    if found.got is not None and found.want is not None:
        lines.append(comparison(found))
    if found.why:
        lines.append(f"{found.quantity}: {found.why}" if found.quantity and found.got is None else found.why)
    if found.mistake:
        lines.append(found.mistake)
    return lines


def comparison(found: Finding) -> str:
    """`∂E/∂x_1 is 1/4; the function says 0.5 at index [0], 1e+14 rounding bounds away`."""
    right, got = found.exact or number(found.want or 0.0), number(found.got or 0.0)
    if "." in right or "e" in right:
        right, got = _told_apart(right, found.got or 0.0)
    where = f" at index [{', '.join(map(str, found.at))}]" if found.at else ""
    return f"{found.quantity} is {right}; the function says {got}{where}{_distance(found.off)}"


def _distance(off: float | None) -> str:
    if off is None:
        return ""
    if math.isinf(off):
        return ", which is no number"
    return f", {off:.2g} rounding bounds away" if off < NO_ROUNDING else ", where nothing is rounded"


def _told_apart(right: str, got: float) -> tuple[str, str]:
    """Both with as many digits as tell them apart."""
    for digits in (6, 9, 12, 15):
        pair = f"{float(right):.{digits}g}", f"{got:.{digits}g}"
        if pair[0] != pair[1]:
            return pair
    return right, repr(got)


def place(example: Example, problem: Problem) -> str:
    """`m = 2, x = (0, 1), ∂E/∂y = (1, 0)`."""
    sizes = [f"{name} = {value}" for name, value in example.sizes.items()]
    return ", ".join(sizes + [f"{text(Entry(name), problem)} = {nested(array)}"
                              for name, array in example.arrays.items()])


def nested(array: NDArray[Any]) -> str:
    """((1, 0), (0, 1))."""
    array = np.asarray(array)
    return f"({', '.join(map(nested, array))})" if array.ndim else number(float(array))


def number(value: float) -> str:
    """As short as it can be and still be the same number."""
    return next((short for digits in (3, 6, 12) if float(short := f"{value:.{digits}g}") == value), repr(float(value)))


# ---- as a program ----------------------------------------------------------------------------------------------------

def program(problem: Problem, plan: Plan, functions: Mapping[str, Description], example: Example, failure: Failure
            ) -> str:
    """Python that calls the function there; what is saved in nodes is written down as numbers too."""
    given = dict(failure.trial.values(failure.point))
    names = _names(plan)
    lines = [_IMPORTS[plan.framework]] if plan.framework != "numpy" else ["import numpy as np"]
    lines += [f"{names[tensor]} = {_literal(given[tensor], plan)}" for tensor in names if tensor in given]
    return "\n".join([*lines, *_calls(plan, functions, names)])


_IMPORTS: Final = {"jax": 'import jax, numpy as np\njax.config.update("jax_enable_x64", True)',
                   "torch": "import numpy as np, torch"}


def _names(plan: Plan) -> dict[str, str]:
    """The variable that holds a tensor: called as the function's parameter is."""
    every = {**plan.forward, **plan.arguments}
    found = {tensor: name for name, tensor in every.items() if tensor != CACHE}
    return found | {tensor: tensor for tensor in plan.cotangents if tensor not in found}


def _literal(value: object, plan: Plan) -> str:
    if isinstance(value, int):
        return repr(value)
    array = np.asarray(value, dtype=np.float64)
    if not array.ndim and plan.framework == "numpy":
        return repr(float(array))
    return f"torch.tensor({array.tolist()!r}, dtype=torch.float64)" if plan.framework == "torch" else literal(array)


def _calls(plan: Plan, functions: Mapping[str, Description], names: Mapping[str, str]) -> Iterator[str]:
    """The calls, as the Engine makes them."""
    def call(role: str, arguments: Mapping[str, str]) -> str:
        inner = ", ".join((f"{parameter}=" if parameter in plan.by_name else "") + names.get(tensor, "cache")
                          for parameter, tensor in arguments.items())
        return f"{functions[role].name}{'.apply' if functions[role].kind == 'autograd.Function' else ''}({inner})"

    if plan.kind == "vjp":
        role = "forward" if "forward" in functions else "backward"
        yield from _differentiated(plan, call(role, plan.arguments), names)
        return
    if plan.kind == "pair":
        yield f"out, cache = {call('forward', plan.forward)}"
    elif plan.kind == "forward":
        yield f"print({call('forward', plan.forward)})"
    if plan.kind in ("pair", "backward"):
        yield f"print({call('backward', plan.arguments)})"


def _differentiated(plan: Plan, call: str, names: Mapping[str, str]) -> Iterator[str]:
    varied = [names[tensor] for tensor in plan.returns]
    cotangents = [names[tensor] for tensor in plan.cotangents]
    if plan.framework == "jax":
        yield f"y, back = jax.vjp(lambda {', '.join(varied)}: {call}, {', '.join(varied)})"
        yield f"print(back({cotangents[0] if len(cotangents) == 1 else f'({chr(44).join(cotangents)})'}))"
        return
    yield f"for one in ({', '.join(varied)},): one.requires_grad_(True)"
    yield f"y = {call}"
    yield f"print(torch.autograd.grad(y, ({', '.join(varied)},), {', '.join(cotangents)}))"
