"""An exercise, answered: every adjoint derived, every target proved, every hand formula judged, autodiff asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from derivs.derivation import Agreement, Answer, Judged, Solution, Step
from derivs.derive import Adjoint, Graph
from derivs.evaluate import Evaluator
from derivs.expr import Derivative, Entry, Expr, tensors_in, walk
from derivs.judge import judge
from derivs.problem import Claim, Problem, Target, bar
from derivs.verdict import Verdict

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """An exercise being solved: its graph, its definitions compiled, and the seed of every exact look."""

    graph: Graph
    evaluator: Evaluator
    seed: int


def solve(problem: Problem, *, examples: int = 0, seed: int = 0, progress: Progress | None = None) -> Solution:
    """The solution of an exercise. With examples > 0, also what JAX's autodiff says at that many random inputs.

    Raises DerivsError for an exercise that cannot be read; what is wrong or undecided in it is data.
    """
    desk = Desk(Graph(problem), Evaluator(problem), seed)
    say = progress or (lambda _: None)
    answers = []
    for target in problem.targets:
        say(f"{problem.name}: proving")
        answers.append(_answer(desk, target))
    hands = []
    for hand in problem.hands:
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
    return judge(desk.graph, claim, seed=desk.seed, evaluator=desk.evaluator)


def _answer(desk: Desk, target: Target) -> Answer:
    start = perf_counter()
    verdict = _judged(desk, target.claim)
    milliseconds = 1e3 * (perf_counter() - start)
    return Answer(target, _steps(desk, target.claim, verdict), verdict, None, milliseconds)


def _steps(desk: Desk, claim: Claim, verdict: Verdict) -> tuple[Step, ...]:
    """The chain rule, the partials worked out, and the textbook form."""
    graph = desk.graph
    steps: list[Step] = []
    left = claim.left
    if isinstance(left, Derivative) and left.kind == "total":
        if left.of.tensor == graph.problem.loss and left.by.tensor not in graph.upstream():
            steps += adjoint_steps(desk, graph.adjoint(left.by.tensor), left)
        elif left.of.tensor != graph.problem.loss:
            worked = graph.total(left.of, left.by)
            steps.append(Step(left, worked, "each partial worked out", _judged(desk, Claim(left, worked))))
    if not steps or steps[-1].right != claim.right:
        steps.append(Step(left, claim.right, "simplified" if steps else "claimed", verdict))
    return tuple(steps)


def adjoint_steps(desk: Desk, adjoint: Adjoint, left: Derivative) -> list[Step]:
    """∂E/∂x = the chain rule over the nodes that read x; = with each partial worked out."""
    through = _readers(adjoint.chain)
    named: Expr = left
    if left.by != adjoint.of:
        named = Derivative(left.of, adjoint.of)
    worked = adjoint.definition.value
    if not through:
        rule = "nothing that the loss depends on reads it"
        return [Step(named, worked, rule, _judged(desk, Claim(named, worked)))]
    if isinstance(adjoint.chain, Derivative):            # nothing but the loss itself reads it
        return [Step(named, worked, "differentiated", _judged(desk, Claim(named, worked)))]
    rule = "chain rule through " + " and ".join(through)
    chain = Step(named, adjoint.chain, rule, _judged(desk, Claim(named, adjoint.chain)))
    return [chain, Step(named, worked, "each partial worked out, the other nodes held fixed",
                        _judged(desk, Claim(adjoint.chain, worked)))]


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
            steps += adjoint_steps(desk, adjoint, Derivative(Entry(problem.loss), adjoint.of))
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
    return Answer(answer.target, answer.steps, answer.verdict, agreement, answer.milliseconds)
