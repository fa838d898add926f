"""From solutions to a sheet: which blocks stand on it, in which order and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from derivs.affine import ONE, Affine
from derivs.box import COMMA, EQUALS, Box, Fence, Mark, Row, width
from derivs.derivation import Answer, Judged, Solution, Step
from derivs.expr import Derivative, Entry, Expr
from derivs.layout import form_layout, given_layout, layout, name_layout
from derivs.lines import Line, equation
from derivs.names import by_letters
from derivs.problem import Claim, Definition, Problem, Tensor
from derivs.report import agreement_words, judged_words, verdict_words
from derivs.sheet.blocks import (
    Block,
    Code,
    Display,
    Document,
    Heading,
    Marks,
    Prose,
    Result,
    Section,
    Stride,
    Text,
)

LIMIT = 38.0                           # em: the longest line of an equation
QUAD = Mark("quad")
TITLE = "Gradients, derived and proved"


def document(solutions: Sequence[Solution], *, title: str = TITLE, date: str = "") -> Document:
    """The sheet of the solutions, in their order."""
    return Document(title, tuple(_section(solution, k) for k, solution in enumerate(solutions, 1)), date)


def _section(solution: Solution, number: int) -> Section:
    problem = solution.problem
    blocks: list[Block] = []
    for paragraph in re.split(r"\n\s*\n", problem.description.strip()):
        if paragraph:
            blocks.append(Prose((" ".join(paragraph.split()),)))
    blocks += _forward(problem)
    if solution.adjoints:
        blocks += [Heading(("Chain rule, from the output back",)), *_steps(solution.adjoints, problem)]
    for answer in solution.answers:
        blocks += _answer(answer, problem)
    if solution.hands:
        blocks.append(Heading(("Formulas that people wrote",)))
        for judged in solution.hands:
            blocks += _hand(judged, problem)
    name = re.sub(r"[^A-Za-z0-9_]", "_", problem.name)
    return Section(f"{number}_{name}", problem.title, problem.source, tuple(blocks))


# ---- the forward pass ------------------------------------------------------------------------------------------------

def _forward(problem: Problem) -> Iterator[Block]:
    yield Heading(("Forward pass",))
    given = list(_given(problem))
    if given:
        yield Prose(("Given ", *_listed(given), "."))
    lines: list[Line] = []
    for definition in problem.definitions:
        lines += _definition(definition, problem)
    if lines:
        yield Display(tuple(lines))


def _given(problem: Problem) -> Iterator[Text]:
    """x of size m × n; γ > 0; the upstream ∂E/∂y_i; H ≥ h."""
    for tensor in problem.inputs:
        yield (name_layout(tensor), *_size(tensor), *_properties(tensor))
    upstream = problem.outputs if problem.definition(problem.loss) is None else ()
    for output in upstream:
        definition = problem.definition(output)
        if definition is not None:
            yield ("the upstream gradient ", layout(Derivative(Entry(problem.loss), definition.entry), problem))
    for fact in problem.facts:
        larger = Affine(tuple(term for term in fact.terms if term[1] > 0))
        yield (Row((form_layout(larger), Mark(">="), form_layout(larger - fact))),)


def _size(tensor: Tensor) -> Text:
    if not tensor.shape:
        return ()
    row: list[Box] = []
    for form in tensor.shape:
        box = form_layout(form)
        row += [Mark("by"), Fence("(", box) if len(form.terms) > 1 and len(tensor.shape) > 1 else box]
    return (" of size ", Row(tuple(row[1:])))


WORDS = {"positive": "positive", "nonnegative": "not negative", "in(0,1)": "between 0 and 1", "binary": "each 0 or 1",
         "onehot": "one-hot", "simplex": "not negative with sum 1"}


def _properties(tensor: Tensor) -> Text:
    words = [WORDS[name] for name in WORDS if name in tensor.properties]
    if tensor.zero_outside:
        words.append("zero outside its size")
    return (f" ({', '.join(words)})",) if words else ()


def _listed(items: Sequence[Text]) -> Text:
    """a, b and c."""
    text: list[str | Box] = []
    for k, item in enumerate(items):
        text += ["" if k == 0 else " and " if k == len(items) - 1 else ", ", *item]
    return tuple(part for part in text if part != "")


def _definition(definition: Definition, problem: Problem) -> Iterator[Line]:
    entry = definition.entry
    *above, last = equation(layout(entry, problem), layout(definition.value, problem), LIMIT)
    shape = problem.tensors[definition.tensor].shape
    note = _where((index, form_layout(ONE), form_layout(size)) for index, size in
                  zip(definition.indices, shape, strict=True))
    yield from above
    if note is None:
        yield last
        return
    used = width(last.right) + (width(last.left) + 1.34 if last.left is not None else 0)
    if used + width(note) + 1 <= LIMIT:
        yield Line(last.left, last.relation, Row((last.right, QUAD, note)))
    else:
        yield last
        yield Line(None, None, note)


def _where(indices: Iterable[tuple[str, Box, Box]]) -> Box | None:
    """(i = 1, ..., m;  j = 1, ..., n)."""
    row: list[Box] = []
    for index, low, high in indices:
        row += [Mark(";"), by_letters(index), EQUALS, low, COMMA, Mark("dots"), COMMA, high]
    return Fence("(", Row(tuple(row[1:]))) if row else None


# ---- answers ---------------------------------------------------------------------------------------------------------

def _answer(answer: Answer, problem: Problem) -> Iterator[Block]:
    claim = answer.target.claim
    given = [(given_layout(given, problem),) for given in claim.given]
    yield Heading(("Answer: ", layout(claim.left, problem), *((" where ", *_listed(given)) if given else ())))
    if answer.target.note:
        yield Prose((answer.target.note,))
    steps = answer.steps
    rule: Text = ()
    if steps and (steps[-1].left, steps[-1].right) == (claim.left, claim.right):
        rule = _rule(steps[-1].rule, problem)
        steps = steps[:-1]
    yield from _steps(steps, problem)
    yield Result(rule if steps else (), claim_lines(claim, problem))
    words = [verdict_words(answer.verdict, problem)]
    if answer.agreement is not None:
        words.append(agreement_words(answer.agreement))
    yield Marks(tuple(words))
    if answer.agreement is not None and answer.agreement.failure:
        yield Code(answer.agreement.failure)


def _steps(steps: Sequence[Step], problem: Problem) -> Iterator[Stride]:
    """Steps one below the other; a step whose left side is that of the step above continues its chain."""
    above: Expr | None = None
    for step in steps:
        left, right = layout(step.left, problem), layout(step.right, problem)
        continues = step.left == above
        lines = equation(None if continues else left, right, LIMIT, under=left if continues else None)
        words = None if step.verdict is None else verdict_words(step.verdict, problem)
        yield Stride(_rule(step.rule, problem), lines, words)
        above = step.left


def _rule(rule: str, problem: Problem) -> Text:
    """The words of a rule; the tensors after `through` as mathematics."""
    head, through, names = rule.partition(" through ")
    parts = re.split(r"(\w+)", names)
    boxes = [name_layout(problem.tensors[part]) if part in problem.tensors else part for part in parts if part]
    return (head + through, *boxes) if rule else ()


def claim_lines(claim: Claim, problem: Problem) -> tuple[Line, ...]:
    """left = right over as many lines as it takes, with its conditions."""
    lines = equation(layout(claim.left, problem), layout(claim.right, problem), LIMIT)
    if not claim.given:
        return lines
    row: list[Box] = []
    for given in claim.given:
        row += [COMMA, given_layout(given, problem)]
    note = Fence("(", Row(tuple(row[1:])))
    last = lines[-1]
    if width(last.right) + width(note) + 8 > LIMIT:
        return (*lines, Line(None, None, note))
    return (*lines[:-1], Line(last.left, last.relation, Row((last.right, QUAD, note))))


def _hand(judged: Judged, problem: Problem) -> Iterator[Block]:
    yield Prose((judged.hand.source + ":",))
    yield Display(claim_lines(judged.hand.claim, problem))
    yield Marks((judged_words(judged, problem),))
