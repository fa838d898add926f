"""How a declaration was understood: its symbols, definitions and conventions, as text and in the fields of `--json`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from derivs.affine import Affine, symbol
from derivs.declare import Declared
from derivs.expr import Entry, Integer, Pow, reindex
from derivs.latex import latex, latex_claim
from derivs.problem import Problem, Tensor
from derivs.reading.spelling import key
from derivs.reading.vocabulary import Formula, Spelling, Vocabulary
from derivs.report import VERSION
from derivs.text import text, text_claim

USUAL: Mapping[str, Any] = {"index_base": 1, "layout": "shape", "einstein": False, "zero_outside": False,
                            "at_kink": {}, "given": [], "target": ""}
KINDS = ("scalar", "vector", "matrix")


def understood(exercises: Sequence[Declared]) -> dict[str, Any]:
    """`derivs declare --json`."""
    return {"version": VERSION, "command": "declare", "exercises": list(map(_exercise, exercises))}


def in_text(exercises: Sequence[Declared]) -> str:
    """The same for people."""
    return "\n\n".join("\n".join(_paragraphs(_exercise(one))) for one in exercises)


# ---- fields ----------------------------------------------------------------------------------------------------------

def _exercise(one: Declared) -> dict[str, Any]:
    problem, words = one.problem, one.vocabulary
    given = [t for t in problem.tensors.values() if t.role not in ("cotangent", "loss", "node")]
    loss = problem.definition(problem.loss)
    return {
        "name": problem.name, "title": problem.title, "source": problem.source, "begins": one.begins, "ends": one.ends,
        "symbols": [_symbol(tensor, problem, words) for tensor in given],
        "sizes": [{"name": size, "constraints": [_fact(fact, problem) for fact in problem.facts
                                                 if size in fact.names and fact != symbol(size) - 1
                                                 and fact.names.isdisjoint(words.labels)]}
                  for size in problem.sizes if size not in words.labels],
        "labels": [{"name": name, "range": f"1..{high}"} for name, high in words.labels.items()],
        "forward": [{"formula": f"{text(d.entry, problem)} = {text(d.value, problem)}",
                     "latex": f"{latex(d.entry, problem)} = {latex(d.value, problem)}",
                     "shape": _shape(problem.tensors[d.tensor])} for d in problem.definitions],
        "loss": {"name": text(Entry(problem.loss), problem), "is_node": loss is not None,
                 "of": [text(Entry(name), problem) for name in problem.outputs]},
        "asked": [{"formula": text(target.claim.left, problem), "latex": latex(target.claim.left, problem),
                   "answer": text_claim(target.claim, problem), "answer_latex": latex_claim(target.claim, problem)}
                  for target in problem.targets],
        "functions": {name: _function(said) for name, said in words.functions.items()},
        "operators": dict(words.operators),
        "aliases": {**{_written(spelling): _meaning(spelling, problem) for spelling in _spellings(words)
                       if spelling.origin == "alias"}, **{name: key(node) for name, node in words.phrases.items()}},
        "sets": {name: _range(span) for name, span in words.sets.items()},
        "indices": {name: _range(span) for name, span in words.indices.items()},
        "conventions": _conventions(problem, words),
    }


def _symbol(tensor: Tensor, problem: Problem, words: Vocabulary) -> dict[str, Any]:
    spelling = next((s for s in _spellings(words) if getattr(s.named.body, "tensor", None) == tensor.name
                     and s.origin == "declared"), None)
    named = spelling.named if spelling else None
    shape = _shape(tensor)
    if named is not None and named.label is not None:
        shape = f"{_kind(tensor.shape[:-1])} index[{named.label}]".removeprefix("scalar ")
    elif named is not None and named.turn:
        shape = f"{named.turn}[{tensor.shape[0]}]"
    implied = {"onehot"} if named is not None and named.label is not None else set()
    return {"name": text(Entry(tensor.name), problem), "said": spelling.said if spelling else "", "shape": shape,
            "role": tensor.role, "properties": sorted(tensor.properties - implied),
            "at": [letter for letter in named.letters if letter] if named and spelling and spelling.slots else []}


def _spellings(words: Vocabulary) -> Iterator[Spelling]:
    return (spelling for known in words.spellings.values() for spelling in known)


def _written(spelling: Spelling) -> str:
    """An alias as it is declared; the root of a square, which nobody declared, by its key."""
    if isinstance(spelling.named.body, Pow):
        return spelling.base + "".join(f"_{part}" for part in spelling.below)
    return spelling.said


def _meaning(spelling: Spelling, problem: Problem) -> str:
    named = spelling.named
    known = (*named.letters, *[""] * len(named.parameters))[:len(named.parameters)]
    spare = iter(letter for letter in "ijklpqrs" if letter not in known)
    values = {old: symbol(new or next(spare)) for old, new in zip(named.parameters, known, strict=True)}
    return text(reindex(named.body, values), problem)


def _shape(tensor: Tensor) -> str:
    return _kind(tensor.shape)


def _kind(shape: Sequence[Affine]) -> str:
    if not shape:
        return "scalar"
    kind = KINDS[len(shape)] if len(shape) < len(KINDS) else "tensor"
    return f"{kind}[{', '.join(map(str, shape))}]"


def _fact(fact: Affine, problem: Problem) -> str:
    """fact >= 0, with what is subtracted on the right: `H >= h`."""
    left = Affine(tuple((monomial, c) for monomial, c in fact.terms if c > 0))
    right = Affine(tuple((monomial, -c) for monomial, c in fact.terms if c < 0))
    return f"{text(Integer(left), problem)} ≥ {text(Integer(right), problem)}"


def _range(span: tuple[Affine, Affine]) -> str:
    return f"{span[0]}..{span[1]}"


def _function(said: str | Formula) -> str:
    if isinstance(said, Formula):
        return f"of {', '.join(said.arguments)}, by its formula"
    return "any smooth function" if said.startswith("?") else said


def _conventions(problem: Problem, words: Vocabulary) -> dict[str, Any]:
    return {"index_base": words.index_base, "layout": words.layout, "einstein": words.einstein,
            "zero_outside": any(tensor.zero_outside for tensor in problem.tensors.values()),
            "at_kink": {name: text(value, problem) for name, value in problem.kinks.items()},
            "given": [key(node) for node in words.given],
            "target": "" if words.target is None else key(words.target)}


# ---- text ------------------------------------------------------------------------------------------------------------

def _paragraphs(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['name']}: {one['title']}" if one["title"] else one["name"]
    if one["source"]:
        yield f"    {one['source']}"
    for word in ("begins", "ends"):
        if one[word]:
            yield f"    {word} where a text says {one[word]!r}"
    yield "symbols"
    yield from _columns([(s["name"], s["shape"], ", ".join((s["role"], *s["properties"])) + (
        f", at {', '.join(s['at'])}" if s["at"] else "")) for s in one["symbols"]])
    if one["sizes"]:
        facts = dict.fromkeys(fact for size in one["sizes"] for fact in size["constraints"])
        yield "sizes, each at least 1"
        yield f"    {', '.join((*(size['name'] for size in one['sizes']), *facts))}"
    if one["labels"]:
        yield "labels"
        yield from _columns([(label["name"], label["range"]) for label in one["labels"]])
    yield "forward"
    yield from _columns([(d["formula"], d["shape"]) for d in one["forward"]])
    loss = one["loss"]
    yield "differentiated"
    of = f"any smooth function of {', '.join(loss['of'])}" if not loss["is_node"] else "as defined above"
    yield f"    {loss['name']}, {of}"
    yield "asked for"
    yield from (f"    {target['answer']}" for target in one["asked"])
    for name in ("functions", "operators", "sets", "indices", "aliases"):
        if one[name]:
            yield name
            yield from _columns(list(one[name].items()))
    unusual = [f"    {name} = {_said(value)}" for name, value in one["conventions"].items() if value != USUAL[name]]
    if unusual:
        yield "conventions"
        yield from unusual


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}' = {at}" for name, at in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield ("    " + "   ".join(cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True))
               ).rstrip()


def _cells(said: str) -> int:
    """How wide it is on a terminal; accents take no room."""
    return sum(not unicodedata.combining(character) for character in said)
