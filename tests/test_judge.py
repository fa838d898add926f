"""Every formula of every exercise gets the verdict it deserves, and none survives being doubled."""

from __future__ import annotations

from functools import cache

import pytest
from words import *

from derivs import judge as judging
from derivs.derive import Graph
from derivs.expr import Cases, Compare, Indicator
from derivs.judge import ProofContradicted, judge
from derivs.library import load, names
from derivs.prove import Equal
from derivs.refute import Agreed
from derivs.solver import solve
from derivs.verdict import Proved, Refuted, Tested


@cache
def graph(name: str) -> Graph:
    return Graph(load(name))


TARGETS = [(n, k) for n in names() for k in range(len(load(n).targets))]
RIGHT = [(n, k) for n in names() for k, h in enumerate(load(n).hands) if not h.wrong]
WRONG = [(n, k) for n in names() for k, h in enumerate(load(n).hands) if h.wrong]


def doubled(claim: Claim) -> Claim:
    return Claim(claim.left, mul(N(2), claim.right), claim.given)


@pytest.mark.parametrize(("name", "k"), TARGETS)
def test_target_is_proved_for_every_size(name: str, k: int) -> None:
    verdict = judge(graph(name), load(name).targets[k].claim)
    assert isinstance(verdict, Proved)
    assert verdict.examined > 0


@pytest.mark.parametrize(("name", "k"), TARGETS)
def test_target_is_refuted_when_doubled(name: str, k: int) -> None:
    assert isinstance(judge(graph(name), doubled(load(name).targets[k].claim)), Refuted)


@pytest.mark.parametrize(("name", "k"), RIGHT)
def test_what_people_wrote_right_is_proved(name: str, k: int) -> None:
    assert isinstance(judge(graph(name), load(name).hands[k].claim), Proved)


@pytest.mark.parametrize(("name", "k"), RIGHT)
def test_what_people_wrote_right_is_refuted_when_doubled(name: str, k: int) -> None:
    assert isinstance(judge(graph(name), doubled(load(name).hands[k].claim)), Refuted)


@pytest.mark.parametrize(("name", "k"), WRONG)
def test_what_people_wrote_wrong_is_refuted(name: str, k: int) -> None:
    verdict = judge(graph(name), load(name).hands[k].claim)
    assert isinstance(verdict, Refuted)
    assert verdict.left != verdict.right


@pytest.mark.parametrize("name", names())
def test_every_step_shown_is_proved(name: str) -> None:
    solution = solve(load(name))
    steps = [*solution.adjoints, *(step for answer in solution.answers for step in answer.steps)]
    assert steps
    for step in steps:
        assert isinstance(step.verdict, Proved), step


def test_the_documents_mistakes_are_all_among_the_exercises() -> None:
    """000 1.2 (i), twice, and (ii); 002's lost exponentials; 003 eq. 1.3; 004's square, x_i(I - x_i) and W^(l)."""
    assert len(WRONG) >= 8


# ---- kinks, conditions, and what is not proved

def cut(condition: Compare) -> Graph:
    """y = a where the condition holds, else 0."""
    tensors = declare(T("a"), T("b"), T("y", role="node"))
    value = Cases(((E("a"), condition),), N(0))
    return Graph(problem("cut", tensors, Definition("y", (), value)))


def test_equal_except_on_a_kink_says_so() -> None:
    a, b = E("a"), E("b")
    claim = Claim(E("y"), mul(a, Indicator(Compare("<=", b, a))))
    assert judge(cut(Compare("<=", b, a)), claim).conditions == ()  # type: ignore[union-attr]
    verdict = judge(cut(Compare("<", b, a)), claim)
    assert isinstance(verdict, Proved)
    assert verdict.conditions in (("except where a - b = 0",), ("except where b - a = 0",))


def test_a_kink_that_is_everything_is_no_excuse() -> None:
    """[u = 0] with u zero everywhere, in a way the normal form does not see, is not deleted."""
    root = subtract(sqrt(add(N(3), mul(N(2), sqrt(N(2))))), add(N(1), sqrt(N(2))))
    tensors = declare(T("a"), T("y", role="node"))
    value = mul(E("a"), Indicator(Compare("=", mul(root, E("a")), N(0))))
    graph_ = Graph(problem("hidden", tensors, Definition("y", (), value)))
    assert not isinstance(judge(graph_, Claim(E("y"), N(0))), Proved)


def test_a_side_without_a_value_where_the_other_has_one_is_refuted() -> None:
    """a/a = 1 is what the normal forms say; at a = 0 only one side has a value."""
    tensors = declare(T("a"), T("y", role="node"))
    graph_ = Graph(problem("ratio", tensors, Definition("y", (), divide(E("a"), E("a")))))
    verdict = judge(graph_, Claim(E("y"), N(1)))
    assert isinstance(verdict, Refuted)
    assert "undefined" in (verdict.left, verdict.right)


def test_what_is_true_but_not_shown_is_tested_not_accepted() -> None:
    tensors = declare(T("a"), T("b"), T("c"), T("y", role="node"))
    a, b, c = E("a"), E("b"), E("c")
    value = apply("max", a, apply("max", b, c))
    graph_ = Graph(problem("associative", tensors, Definition("y", (), value)))
    verdict = judge(graph_, Claim(E("y"), apply("max", apply("max", a, b), c)))
    assert isinstance(verdict, Tested)
    assert verdict.points > 20
    assert isinstance(judge(graph_, Claim(E("y"), apply("max", a, b))), Refuted)


def test_a_proof_that_evaluation_contradicts_is_reported_as_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = declare(T("a"), T("y", role="node"))
    graph_ = Graph(problem("square", tensors, Definition("y", (), power(E("a"), 2))))
    monkeypatch.setattr(judging, "prove", lambda *_: Equal())
    calls = iter([Agreed(1, 0)])
    honest = judging.compare
    monkeypatch.setattr(judging, "compare", lambda *a, **k: next(calls, None) or honest(*a, **k))
    with pytest.raises(ProofContradicted, match="this is a bug in derivs"):
        judge(graph_, Claim(E("y"), E("a")))


@pytest.mark.parametrize(("right", "verdict"), [
    (mul(divide(N(1), N("m")), S("k", "m", E("x", "k"))), Proved),
    (mul(divide(N(1), subtract(N("m"), N(1))), S("k", "m", E("x", "k"))), Refuted),
    (add(mul(divide(N(1), N("m")), S("k", "m", E("x", "k"))), mul(subtract(N("m"), N(1)), subtract(N("m"), N(2)))),
     Refuted),
    (add(mul(divide(N(1), N("m")), S("k", "m", E("x", "k"))), N(Fraction(1, 10**12))), Refuted),
    (mul(divide(N(1), N("m")), S("k", 1, V("m") - 1, E("x", "k"))), Refuted),
])
def test_sizes_and_tiny_errors_are_seen(right: Expr, verdict: type) -> None:
    tensors = declare(T("x", "m"), T("y", role="node"))
    mean = divide(S("i", "m", E("x", "i")), N("m"))
    assert isinstance(judge(Graph(problem("mean", tensors, Definition("y", (), mean))), Claim(E("y"), right)), verdict)
