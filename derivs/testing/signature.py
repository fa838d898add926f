"""From what a function's parameters are called to how it is called: a Plan.

What cannot be mapped is refused with the name of the parameter, what is known, and how to say what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from derivs.errors import DerivsError, nearest
from derivs.problem import Problem, Tensor, bar
from derivs.testing.engine import CACHE, NOTHING, Description, Plan, Use
from derivs.testing.returned import DICT
from derivs.testing.spelling import SAVED, called, cotangents_called, gradient_of, plain, synonyms

BACKWARD_NAMES: Final = ("backward", "bwd", "grad", "vjp", "backprop", "derivative")
KEYS: Final = ("{}", "d{}", "d_{}", "grad_{}", "{}_grad", "{}_bar", "dl_d{}", "de_d{}", "dloss_d{}", "d{}_out")
DIFFERENTIABLE: Final = ("input", "parameter")


class Signature(DerivsError):
    """A function whose parameters or results cannot be told from their names."""


def upstream(problem: Problem) -> tuple[str, ...]:
    """The outputs whose cotangents a backward pass is given; for a loss its own, which is 1."""
    return (problem.loss,) if problem.definition(problem.loss) else problem.outputs


def differentiable(problem: Problem) -> tuple[str, ...]:
    """The tensors that one takes gradients by, in order of declaration."""
    return tuple(tensor.name for tensor in problem.inputs if tensor.role in DIFFERENTIABLE)


def plan(problem: Problem, descriptions: Mapping[str, Description], *, names: Mapping[str, str] | None = None,
         returns: Sequence[str] | None = None, framework: str = "") -> Plan:
    """How functions are called. descriptions: of the `backward` pass, the `forward` pass, or both.

    names: what a parameter stands for, where its name does not tell, `{"dout": "y_bar"}`; returns: the tensors whose
    gradients come back, in order, "" for a result that is none. Raises Signature.
    """
    mapping = _Mapping(problem, dict(names or {}))
    backward, forward = descriptions.get("backward"), descriptions.get("forward")
    framework = framework or next((one.framework for one in (backward, forward) if one and one.framework != "numpy"),
                                  "numpy")
    kind = _kind(mapping, backward, forward, framework)
    mapping.must_know(one for one in (backward, forward) if one is not None)
    outputs = problem.outputs if problem.outputs else (problem.loss,)
    by_name = tuple(name for one in (backward, forward) if one for name in one.by_name)
    if kind == "vjp":
        function = forward or backward
        assert function is not None
        arguments = mapping.arguments(function, forward=True)
        wanted = tuple(t for t in arguments.values() if t in differentiable(problem))
        if not wanted:
            raise Signature(f"none of the parameters of {function.name} is one that a gradient is taken by",
                            where=problem.name, mend=f"differentiable are {', '.join(differentiable(problem))}")
        return Plan(kind, framework, arguments, tuple(map(bar, upstream(problem))), wanted, outputs=outputs,
                    by_name=by_name)
    first = mapping.arguments(forward, forward=True) if forward else {}
    if backward is None:
        return Plan(kind, framework, {}, (), (), outputs=outputs, forward=first, by_name=by_name)
    arguments = mapping.arguments(backward, cache=kind == "pair")
    gradients = [name for name in map(bar, upstream(problem)) if name in arguments.values()]
    if not gradients and not problem.definition(problem.loss):
        raise Signature(f"no parameter of {backward.name} stands for the upstream gradient", where=problem.name, mend=(
            f"its parameters are {', '.join(backward.parameters)}; say which it is: "
            f"names={{\"...\": \"{bar(upstream(problem)[0])}\"}}"))
    order, lone = _results(problem, backward, tuple(first.values()) or tuple(arguments.values()), returns)
    return Plan(kind, framework, arguments, tuple(gradients), order, outputs=outputs, forward=first, lone=lone,
                keys=_keys(problem), by_name=by_name)


def _kind(mapping: _Mapping, backward: Description | None, forward: Description | None, framework: str) -> Use:
    """Whether a function is a backward pass, or one that its framework differentiates."""
    if any(one is not None and one.kind != "function" for one in (backward, forward)):
        return "vjp"
    if backward is None:
        return "forward" if framework == "numpy" else "vjp"
    if forward is not None:
        unknown = [name for name in backward.parameters if name not in backward.defaults and not mapping.find(name)]
        return "pair" if unknown or any(plain(name) in SAVED for name in backward.parameters) else "backward"
    has_cotangent = any(mapping.find(name) in set(map(bar, upstream(mapping.problem))) for name in backward.parameters)
    is_called_so = any(word in backward.name.lower() for word in BACKWARD_NAMES) or backward.name.startswith("d")
    return "backward" if framework == "numpy" or has_cotangent or is_called_so else "vjp"


@dataclass(slots=True)
class _Mapping:
    """What the parameters of an exercise's functions stand for."""

    problem: Problem
    names: dict[str, str]
    known: dict[str, str] = field(default_factory=dict)

    def must_know(self, functions: object) -> None:
        """What `names` says is about parameters and tensors that there are."""
        parameters = {name for one in functions for name in one.parameters}  # type: ignore[attr-defined]
        things = {*self.problem.tensors, *self.problem.sizes, CACHE, *map(bar, upstream(self.problem))}
        for name, tensor in self.names.items():
            if name not in parameters:
                raise Signature(f"names: there is no parameter {name}", where=self.problem.name,
                                mend=nearest(name, parameters))
            if tensor not in things:
                raise Signature(f"names: the exercise has no {tensor}", where=self.problem.name,
                                mend=nearest(tensor, things))

    def find(self, parameter: str) -> str:
        """What a parameter of a backward pass stands for, "" if that cannot be told."""
        found = self.candidates(parameter)
        return found[0] if len(found) == 1 else ""

    def candidates(self, parameter: str, *, forward: bool = False) -> list[str]:
        """What it may stand for. forward: of a forward pass, which is given inputs and sizes, and makes the rest."""
        problem = self.problem
        inputs = list(problem.inputs)
        nodes = [] if forward else [t for t in problem.tensors.values() if t.role == "node"]
        if parameter in self.names:
            return [self.names[parameter]]
        if any(parameter == t.name for t in (*inputs, *nodes)):
            return [parameter]
        if not forward and (found := cotangents_called(parameter, problem, upstream(problem))):
            exact = [t.name for t in (*inputs, *nodes) if t.name.lower() == parameter.lower()]
            return exact or found
        if found := [t.name for t in called(parameter, inputs) or called(parameter, nodes)]:
            return found
        if parameter in problem.sizes:
            return [parameter]
        return [size for size in problem.sizes if size.lower() == parameter.lower()]

    def arguments(self, function: Description, *, forward: bool = False, cache: bool = False) -> dict[str, str]:
        """Tensor by parameter; parameters with a default that stand for nothing are left alone."""
        found: dict[str, str] = {}
        for parameter in function.parameters:
            candidates = [one for one in self.candidates(parameter, forward=forward) if one not in found.values()]
            if cache and parameter not in self.names and (not candidates or plain(parameter) in SAVED):
                candidates = [CACHE] if parameter not in function.defaults else []
            if len(candidates) == 1:
                found[parameter] = candidates[0]
            elif parameter not in function.defaults:
                raise self.refused(function, parameter, candidates, found)
        return self.in_order(function, found)

    def in_order(self, function: Description, found: Mapping[str, str]) -> dict[str, str]:
        """Behind a parameter that is left alone, the others cannot be given by position."""
        left = [name for name in function.parameters if name not in found and name not in function.by_name]
        later = [name for name in found if left and name not in function.by_name
                 and function.parameters.index(name) > function.parameters.index(left[0])]
        if later:
            raise Signature(f"the parameter {left[0]} of {function.name} stands before {later[0]}, and it is not known "
                            "what it is", where=self.problem.name, mend=f"say what it is: names={{{left[0]!r}: ...}}")
        return dict(found)

    def refused(self, function: Description, parameter: str, candidates: Sequence[str], found: Mapping[str, str]
                ) -> Signature:
        problem = self.problem
        if plain(parameter) in SAVED:
            return Signature(f"the parameter {parameter} of {function.name} is what a forward pass saves",
                             where=problem.name, mend="give the forward pass too: forward=...")
        what = f"may be {' or '.join(candidates)}" if candidates else "is not known"
        taken = {*found.values(), *map(self.find, function.parameters)}
        free = [name for name in (*map(bar, upstream(problem)), *(t.name for t in problem.inputs),
                                  *(d.tensor for d in problem.definitions), *problem.sizes) if name not in taken]
        return Signature(f"what the parameter {parameter} of {function.name} stands for {what}", where=problem.name,
                         mend=f"say it: names={{{parameter!r}: {(candidates or free or ['...'])[0]!r}}}; "
                              f"the exercise has {', '.join(dict.fromkeys(free))}")


def _results(problem: Problem, backward: Description, order: Sequence[str], returns: Sequence[str] | None
             ) -> tuple[tuple[str, ...], str]:
    """The tensors whose gradients come back, and that of a lone array.

    As they are said to be; else by the names in the return statement; else in the order of the parameters, where these
    are all there, or of declaration, unless the two contradict each other.
    """
    wanted = differentiable(problem)
    if returns is not None:
        known = {t.name for t in problem.tensors.values() if t.role != "cotangent"}
        for name in returns:
            if name and name not in known:
                raise Signature(f"returns: the exercise has no {name}", where=problem.name, mend=nearest(name, known))
        return tuple(returns), ""
    nodes = [problem.tensors[d.tensor] for d in problem.definitions if d.tensor not in upstream(problem)]
    read = ["" if name in backward.parameters else _returned(name, problem.inputs) or _returned(name, nodes)
            for name in backward.returned]
    if read and all(read) and len({*read} - {NOTHING}) == len([one for one in read if one != NOTHING]):
        return tuple("" if one == NOTHING else one for one in read), ""
    if backward.returned == (DICT,):
        return wanted, ""
    passed = tuple(name for name in order if name in wanted)
    inputs = tuple(t.name for t in problem.inputs if t.role == "input")
    lone = inputs[0] if len(inputs) == 1 else wanted[0] if len(wanted) == 1 else ""
    if passed != tuple(name for name in wanted if name in passed) and len(backward.returned) != 1:
        raise Signature(f"in which order {backward.name} returns the gradients is not known", where=problem.name,
                        mend=f"say it: returns=({', '.join(map(repr, passed))})")
    if backward.returned == ("",) and len(wanted) > 1 and not lone:
        raise Signature(f"by what {backward.name} returns the gradient is not known", where=problem.name,
                        mend=f"say it: returns=({wanted[0]!r},), or what it is of {', '.join(wanted)}")
    return wanted, lone


def _returned(name: str, tensors: Sequence[Tensor]) -> str:
    if name == NOTHING:
        return NOTHING
    found = gradient_of(name, tensors) if name else []
    return found[0].name if len(found) == 1 else ""


def _keys(problem: Problem) -> dict[str, str]:
    """The keys that a dict of gradients may have, as far as they are made of the exercise's own names."""
    tensors = [t for t in problem.tensors.values() if t.role not in ("cotangent", "loss")]
    keys: dict[str, str] = {}
    for exactly in (False, True):                  # its own name goes before a synonym
        for tensor in reversed(tensors):
            for name in (tensor.name.lower(),) if exactly else synonyms(tensor):
                keys |= {form.format(name): tensor.name for form in KEYS}
    return keys
