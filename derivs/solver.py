"""An exercise, answered: every adjoint derived, every target proved, every hand formula judged, autodiff asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from derivs.alike import alike
from derivs.compact import Book, Stage, stages
from derivs.cost import cost
from derivs.derivation import Agreement, Answer, Judged, Solution, Step
from derivs.derive import Adjoint, Graph
from derivs.errors import IllFormed
from derivs.evaluate import Evaluator
from derivs.expr import Delta, Derivative, Entry, Expr, names_in, reindex, tensors_in, walk
from derivs.judge import judge
from derivs.matrices import Equation, entry_claim
from derivs.matrix_forms import matrix_form
from derivs.problem import Claim, Given, Problem, Target, bar
from derivs.scope import ranges
from derivs.verdict import Proved, Verdict

Progress = Callable[[str], None]

REWRITTEN = 1.5                        # how much shorter to read a line must be in another writing to be printed so
BETWEEN = 3                            # exact points at which a step is examined after its proof, as before it


@dataclass(frozen=True, slots=True)
class Desk:
    """An exercise being solved: its graph, its definitions compiled, and the seed of every exact look."""

    graph: Graph
    evaluator: Evaluator
    seed: int
    book: Book
    verdicts: dict[Claim, Verdict] = field(default_factory=dict)         # two targets share most of their claims
    between: dict[Claim, Verdict] = field(default_factory=dict)          # and of their steps
    searched: dict[tuple[Expr, tuple[Given, ...]], list[Stage]] = field(default_factory=dict)


def solve(problem: Problem, *, examples: int = 0, seed: int = 0, progress: Progress | None = None,
          with_hands: bool = True) -> Solution:
    """The solution of an exercise. With examples > 0, also what JAX's autodiff says at that many random inputs.

    with_hands: whether to judge what people wrote, too.
    Raises DerivsError for an exercise that cannot be read; what is wrong or undecided in it is data.
    """
    graph = Graph(problem)
    desk = Desk(graph, Evaluator(problem), seed, Book(graph))
    say = progress or (lambda _: None)
    answers = []
    for target in problem.targets:
        say(f"{problem.name}: proving")
        answers.append(_answer(desk, target))
    hands = []
    for hand in problem.hands if with_hands else ():
        say(f"{problem.name}: judging what people wrote")
        start = perf_counter()
        verdict = _judged(desk, hand.claim)
        hands.append(Judged(hand, verdict, 1e3 * (perf_counter() - start)))
    adjoints = _shared_adjoints(desk)
    agreements = _autodiff(desk.graph, examples, seed, say)
    return Solution(problem, adjoints,
                    tuple(_with(answer, agreement) for answer, agreement in zip(answers, agreements, strict=True)),
                    tuple(hands))


def _judged(desk: Desk, claim: Claim) -> Verdict:
    if claim not in desk.verdicts:
        desk.verdicts[claim] = judge(desk.graph, claim, seed=desk.seed, evaluator=desk.evaluator)
    return desk.verdicts[claim]


def _judged_between(desk: Desk, claim: Claim) -> Verdict:
    """The verdict on a step, whose ends are examined with the answer."""
    if claim not in desk.between:
        desk.between[claim] = desk.verdicts.get(claim) or judge(
            desk.graph, claim, seed=desk.seed, evaluator=desk.evaluator, examine=BETWEEN)
    return desk.between[claim]


def _answer(desk: Desk, target: Target) -> Answer:
    """The textbook form that is found and proved; what the exercise states, where none is."""
    start = perf_counter()
    claim, verdict, found = _textbook(desk, target.claim)
    stated = None
    if target.stated and not alike(claim.right, target.claim.right):
        stated = (target.claim, _judged(desk, target.claim))
    cases = tuple((case, said) for case, said, _ in (_textbook(desk, case) for case in _cases(claim)))
    matrix = _in_matrices(desk, claim, verdict)
    milliseconds = 1e3 * (perf_counter() - start)
    steps = _steps(desk, claim, found)
    return Answer(replace(target, claim=claim), steps, verdict, None, milliseconds, stated, cases, matrix)


def _in_matrices(desk: Desk, claim: Claim, verdict: Verdict) -> tuple[Equation, Verdict] | None:
    """The matrix form, if there is one: its entries are the answer's, or are proved like it."""
    equation = matrix_form(desk.graph.problem, claim)
    if equation is None or not isinstance(verdict, Proved):
        return None
    entries = entry_claim(desk.graph.problem, equation)
    said = verdict if alike(entries.right, claim.right) else _judged(desk, entries)
    return (equation, said) if isinstance(said, Proved) else None


def _textbook(desk: Desk, claim: Claim) -> tuple[Claim, Verdict, list[Stage]]:
    """The claim with the textbook form on its right, the verdict on it, and how it was found."""
    question = (claim.left, claim.given)
    if question not in desk.searched:
        desk.searched[question] = stages(desk.book, claim)
    found = desk.searched[question]
    if found:
        better = replace(claim, right=found[-1].tree)
        verdict = _judged(desk, better)
        if isinstance(verdict, Proved):
            return better, verdict, found
    return claim, _judged(desk, claim), []


def _cases(claim: Claim) -> Iterator[Claim]:
    """A Jacobian on its diagonal and off it: where a delta of two free indices stands in it."""
    free = names_in(claim.left)
    pairs = {(node.left, node.right) for node in walk(claim.right) if isinstance(node, Delta)
             and node.left.bare in free and node.right.bare in free}
    if len(pairs) == 1 and not claim.given and isinstance(claim.left, Derivative):
        (i, j), = pairs
        yield replace(claim, given=(Given("=", i, j),))
        yield replace(claim, given=(Given("!=", i, j),))


def _steps(desk: Desk, claim: Claim, found: Sequence[Stage]) -> tuple[Step, ...]:
    """The chain rule, the partials worked out, and on to the textbook form, each line proved equal to the one above."""
    steps: list[Step] = []
    left = claim.left
    if isinstance(left, Derivative) and left.kind == "total":
        if left.of.tensor == desk.graph.problem.loss and left.by.tensor not in desk.graph.upstream():
            steps += _adjoint_steps(desk, desk.graph.adjoint(left.by.tensor), left)
        elif left.of.tensor != desk.graph.problem.loss:
            steps.append(Step(left, desk.graph.total(left.of, left.by), "each partial worked out"))
    for stage in found:
        _append(desk, steps, claim, stage, is_last=stage is found[-1])
    if not found and (not steps or steps[-1].right != claim.right):
        steps.append(Step(left, claim.right, "simplified" if steps else "claimed"))
    return _proved(desk, claim, steps)


def _append(desk: Desk, steps: list[Step], claim: Claim, stage: Stage, *, is_last: bool) -> None:
    """A stage of the search as a step. One that puts nothing in is the line above in another writing, and no step."""
    loss = Entry(desk.graph.problem.loss)
    carried = {bar(t): t for t in desk.graph.problem.tensors}
    put_in = tuple(Derivative(loss, Entry(carried[name], desk.graph.adjoint(carried[name]).of.at))
                   for name in stage.put_in if name in carried and not _asks_for(claim.left, carried[name]))
    since = (*((stage.by,) if stage.by else ()), *stage.since)
    if not steps:
        rule = "by definition" if isinstance(claim.left, Entry) else "simplified"
        steps.append(Step(claim.left, stage.tree, rule, None, (), since))
    elif put_in or since:
        rule = "with {} put in" if put_in else "simplified"
        steps.append(Step(claim.left, stage.tree, rule, None, put_in, since))
    elif is_last or cost(stage.tree) < cost(steps[-1].right) - REWRITTEN:
        steps[-1] = replace(steps[-1], right=stage.tree)


def _proved(desk: Desk, claim: Claim, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with their verdicts: each line is equal to the line above, the first to what is asked for."""
    above = [claim.left, *(step.right for step in steps)]
    return tuple(replace(step, verdict=_follows(desk, claim, before, step.right))
                 for before, step in zip(above, steps, strict=False))


def _follows(desk: Desk, claim: Claim, above: Expr, tree: Expr) -> Verdict:
    """Whether the tree equals the line above; or the left side, where neither line shows what its indices run over."""
    try:
        here = ranges(desk.graph.problem, (above, tree)).keys()
    except IllFormed:
        above = claim.left
    else:
        if not names_in(claim.left) <= here | set(desk.graph.problem.sizes):
            above = claim.left
    return _judged_between(desk, Claim(above, tree, claim.given))


def _asks_for(left: Expr, tensor: str) -> bool:
    return isinstance(left, Derivative) and left.by.tensor == tensor


def _adjoint_steps(desk: Desk, adjoint: Adjoint, left: Derivative) -> list[Step]:
    """∂E/∂x = the chain rule over the nodes that read x; = with each partial worked out."""
    values = dict(zip((form.bare or "" for form in adjoint.of.at), left.by.at, strict=True))
    chain, worked = reindex(adjoint.chain, values), reindex(adjoint.definition.value, values)
    worked = desk.book.written(worked, left)
    through = _readers(chain)
    if not through:
        return [Step(left, worked, "nothing that the loss depends on reads it")]
    if isinstance(chain, Derivative):                    # nothing but the loss itself reads it
        return [Step(left, worked, "differentiated")]
    return [Step(left, chain, "chain rule through {}", None, tuple(map(Entry, through))),
            Step(left, worked, "each partial worked out, the other nodes held fixed")]


def _readers(chain: Expr) -> list[str]:
    return list(dict.fromkeys(n.of.tensor for n in walk(chain) if isinstance(n, Derivative) and n.kind == "local"))


def _shared_adjoints(desk: Desk) -> tuple[Step, ...]:
    """The adjoints of the inner nodes, in the order of reverse mode, that no target asks for itself."""
    graph, problem = desk.graph, desk.graph.problem
    asked = {t.claim.left.by.tensor for t in problem.targets
             if isinstance(t.claim.left, Derivative) and t.claim.left.of.tensor == problem.loss}
    wanted = _needed(graph, asked)
    steps: list[Step] = []
    for definition in reversed(problem.definitions):
        if definition.tensor in wanted - asked and definition.tensor not in (*graph.upstream(), problem.loss):
            adjoint = graph.adjoint(definition.tensor)
            left = Derivative(Entry(problem.loss), adjoint.of)
            steps += _proved(desk, Claim(left, left), _adjoint_steps(desk, adjoint, left))
    return tuple(steps)


def _needed(graph: Graph, asked: set[str]) -> set[str]:
    """The tensors whose adjoints the asked ones are made of."""
    seen: set[str] = set()
    stack = list(asked)
    names = {bar(t): t for t in graph.problem.tensors}
    while stack:
        tensor = stack.pop()
        if tensor not in seen and tensor not in graph.upstream():
            seen.add(tensor)
            stack += [names[b] for b in tensors_in(graph.adjoint(tensor).definition.value) if b in names]
    return seen


def _autodiff(graph: Graph, examples: int, seed: int, say: Progress) -> list[Agreement | None]:
    problem = graph.problem
    if not examples:
        return [None] * len(problem.targets)
    from derivs.oracle import agree  # imports jax, which takes most of a second
    say(f"{problem.name}: asking autodiff")
    return list(agree(problem, graph.adjoints(), examples=examples, seed=seed))


def _with(answer: Answer, agreement: Agreement | None) -> Answer:
    return replace(answer, agreement=agreement)
