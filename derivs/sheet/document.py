"""From exercises and their solutions to a sheet: which blocks stand on it, in which order and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from derivs.affine import ONE, Affine
from derivs.box import COMMA, EQUALS, Box, Fence, Fraction, Letter, Mark, Row, Slash, width
from derivs.derivation import Answer, Judged, Solution, Step
from derivs.diagram import diagram
from derivs.expr import Derivative, Entry, Expr
from derivs.layout import form_layout, given_layout, layout, name_layout, range_layout
from derivs.lines import INDENT, Line, equation
from derivs.matrix_layout import equation_lines
from derivs.names import by_letters
from derivs.problem import Claim, Definition, Problem, Target, Tensor
from derivs.report import Words, agreement_words, judged_words, verdict_words
from derivs.sheet.blocks import (
    Block,
    Code,
    Display,
    Document,
    Heading,
    Marks,
    Picture,
    Prose,
    Result,
    Section,
    Space,
    Steps,
    Stride,
    Text,
)
from derivs.sheet.prose import prose
from derivs.verdict import Proved, Verdict

LIMIT = 38.0                           # em: the longest line of an equation
ROOM = 10                              # lines to write an answer by hand
QUAD = Mark("quad")
MOST_DRAWN, SMALLEST = 30, 0.7         # definitions; how much a picture may be scaled down to fit on a page
GRAPH = ("The graph of the exercise: values go along the arrows, gradients come back along the dashed ones, each times "
         "the partial beside it, and add up below the node.")
TITLE = "Gradients, derived and proved"
QUESTIONS = "Gradients to derive"

Detail = Literal["answer", "steps", "all"]
Part = Literal["forward", "adjoints", "steps", "own form", "every verdict", "hands"]

PARTS: dict[str, frozenset[Part]] = {      # what stands beside the results and their marks
    "key": frozenset(),
    "answer": frozenset({"forward"}),
    "steps": frozenset({"forward", "adjoints", "steps", "own form"}),
    "all": frozenset({"forward", "adjoints", "steps", "own form", "every verdict", "hands"}),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sheet is laid out. limit: em, the longest line. lettered: the things asked for are (a), (b), (c)."""

    parts: frozenset[Part] = PARTS["steps"]
    limit: float = LIMIT
    lettered: bool = True


def document(solutions: Sequence[Solution], *, title: str = TITLE, date: str = "", course: str = "", author: str = "",
             detail: Detail | Literal["key"] = "steps", limit: float = LIMIT, lettered: bool = True,
             provenance: tuple[str, ...] = ()) -> Document:
    """The sheet of the solutions, in their order.

    answer: the forward pass, the results and how each was established. steps: also the derivations, and the exercise's
    own form of an answer. all: also the verdict on every step, and the formulas that people wrote. key: the results.
    """
    plan = Plan(PARTS[detail], limit, lettered)
    sections = tuple(_section(solution, k, plan) for k, solution in enumerate(solutions, 1))
    return Document(title, sections, date, course, author, provenance)


def questions(problems: Sequence[Problem], *, title: str = QUESTIONS, date: str = "", course: str = "",
              author: str = "", limit: float = LIMIT, room: int = ROOM, provenance: tuple[str, ...] = ()) -> Document:
    """The sheet without answers: forward passes, what is asked, and lines of room to write."""
    plan = Plan(PARTS["answer"], limit)
    sections = tuple(_asked(problem, k, room, plan) for k, problem in enumerate(problems, 1))
    return Document(title, sections, date, course, author, provenance)


def _section(solution: Solution, number: int, plan: Plan) -> Section:
    problem = solution.problem
    blocks: list[Block] = []
    if "forward" in plan.parts:
        blocks += [*_description(problem), *_forward(problem, plan)]
    if "adjoints" in plan.parts:
        blocks += _picture(problem)
    if solution.adjoints and "adjoints" in plan.parts:
        blocks += [Heading(("Chain rule, from the output back",)),
                   Steps(("Adjoints of the inner nodes",), tuple(_strides(solution.adjoints, problem, plan)))]
    for k, answer in enumerate(solution.answers):
        blocks += _answer(answer, problem, _lead("Answer: ", k, len(solution.answers), plan), plan)
    if solution.hands and "hands" in plan.parts:
        blocks.append(Heading(("Formulas that people wrote",)))
        for judged in solution.hands:
            blocks += _hand(judged, problem, plan)
    return _titled(problem, number, blocks)


def _asked(problem: Problem, number: int, room: int, plan: Plan) -> Section:
    """An exercise without its answers. A note of a target may tell one, so it does not stand here."""
    blocks: list[Block] = [*_description(problem), *_forward(problem, plan)]
    for k, target in enumerate(problem.targets):
        lead = _lead("", k, len(problem.targets), plan)
        blocks += [Heading((f"{lead}Find ", *_of(target, problem))), Space(room)]
    return _titled(problem, number, blocks)


def _titled(problem: Problem, number: int, blocks: Sequence[Block]) -> Section:
    name = re.sub(r"[^A-Za-z0-9_]", "_", problem.name)
    return Section(f"{number}_{name}", problem.title, problem.source, tuple(blocks))


def _description(problem: Problem) -> Iterator[Block]:
    for paragraph in re.split(r"\n\s*\n", problem.description.strip()):
        text = prose(paragraph, problem)
        if text:
            yield Prose(text)


def _lead(alone: str, k: int, count: int, plan: Plan) -> str:
    """(a), (b), ... where there are several; then aa, ab, ..."""
    if not plan.lettered or count == 1:
        return alone
    letters = chr(ord("a") + k % 26)
    return f"({chr(ord('a') + k // 26 - 1) if k >= 26 else ''}{letters}) "


# ---- the forward pass ------------------------------------------------------------------------------------------------

def _forward(problem: Problem, plan: Plan) -> Iterator[Block]:
    yield Heading(("Forward pass",))
    given = list(_given(problem))
    if given:
        yield Prose(("Given ", *_listed(given), "."))
    lines: list[Line] = []
    for definition in problem.definitions:
        lines += _definition(definition, problem, plan)
    if lines:
        yield Display(tuple(lines))


def _picture(problem: Problem) -> Iterator[Block]:
    """The graph. With one definition the chain rule is one step, which needs none; too large a one cannot be read."""
    if 2 <= len(problem.definitions) <= MOST_DRAWN and (drawn := diagram(problem)).scale > SMALLEST:
        yield Prose((GRAPH,))
        yield Picture(drawn)


def _given(problem: Problem) -> Iterator[Text]:
    """x of size m × n; γ > 0; the upstream ∂E/∂y_i; H ≥ h."""
    for tensor in problem.inputs:
        yield (name_layout(tensor), *_size(tensor), *_properties(tensor))
    upstream = problem.outputs if problem.definition(problem.loss) is None else ()
    for output in upstream:
        definition = problem.definition(output)
        if definition is not None:
            left = layout(Derivative(Entry(problem.loss), definition.entry), problem)
            yield ("the upstream gradient ", flat(left))
    for fact in (fact for fact in problem.facts if (fact + 1).bare not in problem.sizes):     # that sizes are >= 1
        larger = Affine(tuple(term for term in fact.terms if term[1] > 0))
        yield (Row((form_layout(larger), Mark(">="), form_layout(larger - fact))),)


def flat(box: Box) -> Box:
    """A derivative with a slash: within a line of text a fraction is too small to read."""
    match box:
        case Fraction(Row((Letter("partial"), *_)) as over, Row((Letter("partial"), *_)) as under):
            return Slash(over, under)
        case Row(parts):
            return Row(tuple(map(flat, parts)))
        case _:
            return box


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
    said = tensor.properties - ({"positive"} if "in(0,1)" in tensor.properties else set())
    words = [WORDS[name] for name in WORDS if name in said]
    if tensor.zero_outside:
        words.append("zero outside its size")
    return (f" ({', '.join(words)})",) if words else ()


def _listed(items: Sequence[Text]) -> Text:
    """a, b and c."""
    text: list[str | Box] = []
    for k, item in enumerate(items):
        text += ["" if k == 0 else " and " if k == len(items) - 1 else ", ", *item]
    return tuple(part for part in text if part != "")


def _definition(definition: Definition, problem: Problem, plan: Plan) -> Iterator[Line]:
    entry = definition.entry
    *above, last = equation(layout(entry, problem), layout(definition.value, problem), plan.limit)
    shape = problem.tensors[definition.tensor].shape
    notes = list(_where(((index, *range_layout(ONE, size, problem)) for index, size in
                         zip(definition.indices, shape, strict=True)), plan.limit - 2 * INDENT))
    yield from above
    if not notes:
        yield last
        return
    used = width(last.right) + (width(last.left) + 1.34 if last.left is not None else 0)
    if len(notes) == 1 and used + width(notes[0]) + 1 <= plan.limit:
        yield Line(last.left, last.relation, Row((last.right, QUAD, notes[0])))
    else:
        yield last
        yield from (Line(None, None, note) for note in notes)


def _where(indices: Iterable[tuple[str, Box, Box]], room: float) -> Iterator[Box]:
    """(i = 1, ..., m;  j = 1, ..., n), on as many lines as it takes."""
    row: list[Box] = []
    for index, low, high in indices:
        one = (by_letters(index), EQUALS, low, COMMA, Mark("dots"), COMMA, high)
        if row and width(Row((*row, Mark(";"), *one))) > room:
            yield Fence("(", Row(tuple(row)))
            row = []
        row += [Mark(";"), *one] if row else one
    if row:
        yield Fence("(", Row(tuple(row)))


# ---- answers ---------------------------------------------------------------------------------------------------------

def _of(target: Target, problem: Problem) -> Text:
    """What a target asks for, and where."""
    claim = target.claim
    return flat(layout(claim.left, problem)), *_conditions(" where ", claim, problem)


def _conditions(word: str, claim: Claim, problem: Problem) -> Text:
    given: list[Text] = [(given_layout(given, problem),) for given in claim.given]
    return (word, *_listed(given)) if given else ()


def _answer(answer: Answer, problem: Problem, lead: str, plan: Plan) -> Iterator[Block]:
    claim = answer.target.claim
    yield Heading((lead, *_of(answer.target, problem)) if lead else _of(answer.target, problem))
    if answer.target.note:
        yield Prose((answer.target.note,))
    steps = answer.steps
    rule: Text = ()
    if steps and (steps[-1].left, steps[-1].right) == (claim.left, claim.right):
        steps, last = steps[:-1], steps[-1]
        rule = _rule(last, problem) if steps else ()
    if "steps" not in plan.parts:
        steps, rule = (), ()
    if steps:
        yield Steps(("Derivation",), tuple(_strides(steps, problem, plan)))
    yield Result(rule, claim_lines(claim, problem, plan), tuple(_also(answer, problem, plan)))
    words = [verdict_words(answer.verdict, problem)]
    if answer.agreement is not None:
        words.append(agreement_words(answer.agreement))
    yield Marks(tuple(words))
    if answer.agreement is not None and answer.agreement.failure:
        yield Code(answer.agreement.failure)
    if answer.stated is not None and "own form" in plan.parts:
        claim, verdict = answer.stated
        yield Stride(("The exercise's own form:",), claim_lines(claim, problem, plan),
                     _step_words(verdict, problem, plan))


def _also(answer: Answer, problem: Problem, plan: Plan) -> Iterator[Stride]:
    """In matrices; the two cases of a Kronecker delta. Marks in full would be taken for that of the result below."""
    brief = replace(plan, parts=plan.parts - {"every verdict"})
    if answer.matrix is not None:
        found, verdict = answer.matrix
        lines = equation_lines(problem, found, plan.limit, rows=problem.layout == "row")
        yield Stride(("in matrices",), lines, _step_words(verdict, problem, brief))
    for claim, verdict in answer.cases:
        lines = equation(layout(claim.left, problem), layout(claim.right, problem), plan.limit)
        yield Stride(_conditions("for ", claim, problem), lines, _step_words(verdict, problem, brief))


def _strides(steps: Sequence[Step], problem: Problem, plan: Plan) -> Iterator[Stride]:
    """Steps one below the other; a step whose left side is that of the step above continues its chain."""
    above: Expr | None = None
    for step in steps:
        left, right = layout(step.left, problem), layout(step.right, problem)
        continues = step.left == above
        lines = equation(None if continues else left, right, plan.limit, under=left if continues else None)
        yield Stride(_rule(step, problem), lines, _step_words(step.verdict, problem, plan))
        above = step.left


def _step_words(verdict: Verdict | None, problem: Problem, plan: Plan) -> Words | None:
    """The mark of a step; what a proof rests on is said only where every verdict is wanted."""
    if verdict is None:
        return None
    words = verdict_words(verdict, problem)
    if not isinstance(verdict, Proved):
        return words
    if "every verdict" not in plan.parts:
        return replace(words, detail="")
    looked = f"both sides also evaluated at {verdict.examined} exact points" if verdict.examined else ""
    return replace(words, detail="; ".join(filter(None, (words.detail, looked))))


def _rule(step: Step, problem: Problem) -> Text:
    """The words of a rule, what it is about and what was put in as mathematics."""
    head, slot, tail = step.rule.partition("{}")
    about = _listed([(flat(layout(expr, problem)),) for expr in step.about]) if slot else ()
    since = [(Row((flat(layout(claim.left, problem)), EQUALS, layout(claim.right, problem))),) for claim in step.since]
    words = (head, *about, tail, *((", since ", *_listed(since)) if since else ()))
    return tuple(part for part in words if part != "")


def claim_lines(claim: Claim, problem: Problem, plan: Plan) -> tuple[Line, ...]:
    """left = right over as many lines as it takes, with its conditions."""
    lines = equation(layout(claim.left, problem), layout(claim.right, problem), plan.limit)
    if not claim.given:
        return lines
    row: list[Box] = []
    for given in claim.given:
        row += [COMMA, given_layout(given, problem)]
    note = Fence("(", Row(tuple(row[1:])))
    last = lines[-1]
    if width(last.right) + width(note) + 8 > plan.limit:
        return (*lines, Line(None, None, note))
    return (*lines[:-1], Line(last.left, last.relation, Row((last.right, QUAD, note))))


def _hand(judged: Judged, problem: Problem, plan: Plan) -> Iterator[Block]:
    yield Prose((judged.hand.source + ":",))
    yield Display(claim_lines(judged.hand.claim, problem, plan))
    yield Marks((judged_words(judged, problem),))
