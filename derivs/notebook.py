r"""The nouns as Jupyter shows them: HTML with formulas between dollars, or LaTeX where a formula is all there is.

The page around them typesets the formulas, so what others wrote must not look like one: in it `$` and `\` stand in
elements of their own, which no formula reaches across. There is no style: a notebook has its own, light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby
from typing import Final

from derivs.derivation import Answer, Judged, Solution, Step
from derivs.judgement import Checked
from derivs.latex import latex_lines, spell
from derivs.lines import Line
from derivs.margin import SIGNS, in_words, summary
from derivs.marks import Report
from derivs.papers import Paper
from derivs.problem import Claim, Problem, Target
from derivs.reading.syntax import Span
from derivs.reading.tables import GREEK, words
from derivs.report import Words, verdict_words
from derivs.sheet.blocks import (
    Block,
    Code,
    Display,
    Heading,
    Marks,
    Picture,
    Prose,
    Remarked,
    Result,
    Section,
    Space,
    Steps,
    Stride,
    Text,
)
from derivs.sheet.document import Plan, claim_lines, document, questions
from derivs.sheet.svg import svg
from derivs.verdict import Proved, Refuted, Tested, Unread, Verdict

NOBODY: Final = Problem("", "", "", {}, (), "", ())      # the exercise of a verdict that stands alone
SIGN: Final = {"good": "✓", "wrong": "✗", "bad": "✗", "open": "?"}
COLOURS: Final = "--box: transparent; --link: currentColor"             # of a picture, which a page of its own sets


def html(noun: object) -> str | None:
    """In words and formulas; None where there are no words, or nobody said which exercise it belongs to."""
    match noun:
        case Problem() as problem:
            return _section(questions([problem], room=0).sections[0])
        case Solution() as solution:
            return _section(document([solution], detail="all").sections[0])
        case Answer(problem=Problem() as problem) as answer:
            return _html(_blocks(problem, answers=(answer,)))
        case Step(problem=Problem() as problem) as step:
            return _stride(_stride_of(step, problem))
        case Judged(hand) as judged if hand.claim.problem is not None:
            return _html(_blocks(hand.claim.problem, hands=(judged,))[1:])       # without the heading above all hands
        case Proved() | Tested() | Refuted() | Unread():
            return _mark(_words(noun))
        case Report(papers):
            return "".join(_paper(name, paper) for name, paper in papers.items()) + f"<p>{summary(noun.lines)}</p>\n"
        case Checked() as checked:
            return _checked(checked, escape(checked.text))
        case _:
            return None


def latex(noun: object) -> str | None:
    """The formula alone."""
    match noun:
        case Claim(problem=Problem() as problem) as claim:
            return _aligned(latex_lines(claim_lines(claim, problem, Plan())))
        case Target(claim) | Answer(Target(claim)):
            return latex(claim)
        case Step(problem=Problem() as problem) as step:
            return _aligned(latex_lines(_stride_of(step, problem).lines))
        case _:
            return None


# ---- whose names -----------------------------------------------------------------------------------------------------

def asked(problem: Problem) -> Problem:
    """The exercise, each claim in it with the exercise beside it, so that it can be printed alone."""
    return replace(problem, targets=tuple(_target(target, problem) for target in problem.targets))


def answered(solution: Solution) -> Solution:
    """The solution, each part of it with the exercise beside it."""
    problem = solution.problem

    def step(one: Step) -> Step:
        return replace(one, since=tuple(_claim(fact, problem) for fact in one.since), problem=problem)

    def pair(one: tuple[Claim, Verdict]) -> tuple[Claim, Verdict]:
        return _claim(one[0], problem), one[1]

    def answer(one: Answer) -> Answer:
        return replace(one, target=_target(one.target, problem), steps=tuple(map(step, one.steps)), problem=problem,
                       stated=one.stated and pair(one.stated), cases=tuple(map(pair, one.cases)))

    def judged(one: Judged) -> Judged:
        return replace(one, hand=replace(one.hand, claim=_claim(one.hand.claim, problem)))

    return replace(solution, adjoints=tuple(map(step, solution.adjoints)),
                   answers=tuple(map(answer, solution.answers)), hands=tuple(map(judged, solution.hands)))


def _target(target: Target, problem: Problem) -> Target:
    return replace(target, claim=_claim(target.claim, problem))


def _claim(claim: Claim, problem: Problem) -> Claim:
    return replace(claim, problem=problem)


# ---- sheets ----------------------------------------------------------------------------------------------------------

def _blocks(problem: Problem, adjoints: tuple[Step, ...] = (), answers: tuple[Answer, ...] = (),
            hands: tuple[Judged, ...] = ()) -> tuple[Block, ...]:
    """What stands on a sheet for these alone: all but what stands there without them."""
    without, whole = (document([one], detail="all").sections[0].blocks
                      for one in (Solution(problem, (), ()), Solution(problem, adjoints, answers, hands)))
    return whole[len(without):]


def _stride_of(step: Step, problem: Problem) -> Stride:
    *_, steps = _blocks(problem, adjoints=(step,))
    assert isinstance(steps, Steps)
    return steps.strides[0]


def _section(section: Section) -> str:
    source = f"<p><i>{_plain(section.source)}</i></p>\n" if section.source else ""
    return f"<h3>{_plain(section.title)}</h3>\n{source}{_html(section.blocks)}"


def _html(blocks: Iterable[Block]) -> str:
    return "".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h4>{_text(text)}</h4>\n"
        case Prose(text):
            return f"<p>{_text(text)}</p>\n"
        case Display(lines):
            return _formula(lines)
        case Stride():
            return _stride(block)
        case Steps(title, strides):
            items = "".join(f"<li>{_stride(stride)}</li>\n" for stride in strides)
            return f"<details open>\n<summary>{_text(title)}</summary>\n<ol>\n{items}</ol>\n</details>\n"
        case Result(rule, lines, also):
            return _rule(rule) + _formula(lines) + "".join(map(_stride, also))
        case Marks(said):
            return "".join(map(_mark, said))
        case Code(text):
            return f"<pre>{escape(text)}</pre>\n"
        case Picture(diagram):
            return f'<div class="mathjax_ignore tex2jax_ignore" style="{COLOURS}">{svg(diagram)}</div>\n'
        case Space() | Remarked():         # of sheets of questions and of feedback, which are files
            return ""


def _stride(stride: Stride) -> str:
    match stride.verdict:
        case Words("good") as good:
            return _rule(stride.rule, f' <span title="{escape(str(good))}">✓</span>') + _formula(stride.lines)
        case None:
            return _rule(stride.rule) + _formula(stride.lines)
        case said:
            return _rule(stride.rule) + _formula(stride.lines) + _mark(said)


def _rule(rule: Text, tick: str = "") -> str:
    return f"<p>{_text(rule)}{tick}</p>\n" if rule or tick else ""


def _mark(said: Words) -> str:
    detail = f": {said.detail}" if said.detail else ""
    return f"<p>{SIGN[said.kind]} <b>{_plain(said.head)}</b>{_plain(detail)}</p>\n"


def _words(verdict: Verdict, problem: Problem = NOBODY) -> Words:
    """A verdict alone names the inputs by their letters: whose they are, it does not know."""
    if isinstance(verdict, Refuted) and problem is NOBODY:
        detail = f"at {verdict.at} the left side is {verdict.left}, the right side {verdict.right}"
        return Words("bad", "Refuted", detail)
    return verdict_words(verdict, problem)


# ---- derivations -----------------------------------------------------------------------------------------------------

def _paper(name: str, paper: Paper) -> str:
    out = [f"<h3>{_plain(name)}</h3>\n"] if name else []
    for exercise, lines in groupby(paper.lines, lambda line: line.exercise):
        problem = paper.exercises[exercise].problem
        out.append(f"<h4>{_plain(problem.title or problem.name)}</h4>\n")
        out += [_checked(line.checked, _guilty(paper.text, line.span, line.checked.span), problem) for line in lines]
    out += [f"<p>The words <q>{_plain(begins)}</q>, where an exercise begins, do not stand in it.</p>\n"
            for begins in paper.missing]
    return "".join(out)


def _checked(checked: Checked, code: str, problem: Problem = NOBODY) -> str:
    """A line as it reads, what is said of it and, where it helps, as it was typed. code: that, in HTML."""
    said = in_words(checked, problem) if problem is not NOBODY else checked.message
    conditions = f" ({', '.join(checked.conditions)})" if checked.conditions else ""
    mark = f"{SIGNS[checked.judgement]} <b>{checked.judgement}</b>"
    formula = _typeset(checked.text)
    out = [f"<p>{checked.number}. {mark}{_plain((said and ': ' + said) + conditions)}</p>\n", formula]
    if "<mark>" in code or not formula:
        out.append(f"<pre>{code}</pre>\n")
    if checked.judgement != "right":
        out += [f"<pre>{escape(mend)}</pre>\n" for mend in checked.mend.split("\n") if mend]
    out += [f"<p>read {_plain(reading)}:</p>\n{_mark(_words(said_of_it, problem))}"
            for reading, said_of_it in checked.readings]
    out += [f"<p>note: {_plain(remark)}</p>\n" for remark in checked.remarks]
    return "".join(out)


def _guilty(text: str, line: Span, guilty: Span) -> str:
    """A line as it was typed, its guilty piece marked."""
    start, end = max(line[0], guilty[0]), min(line[1], guilty[1])
    if guilty == line or start >= end:
        return escape(text[slice(*line)])
    return f"{escape(text[line[0]:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:line[1]])}"


# What others wrote is typeset only if it is made of these: MathJax has commands that make links and run scripts.
HARMLESS: Final = frozenset((*words(GREEK), *words(
    r"partial nabla infty top ell frac dfrac tfrac sqrt sum max min exp log ln tanh cosh sinh sin cos cdot times odot "
    r"circ otimes pm le leq ge geq ne neq in notin approx to forall left right bigl bigr Bigl Bigr biggl biggr big Big "
    r"mathbf boldsymbol mathrm mathbb mathcal text operatorname hat tilde bar vec dot lvert rvert lVert rVert dots "
    r"ldots cdots quad qquad displaystyle limits mid , ; : ! { } | \ ")))


def _typeset(written: str) -> str:
    """The author's line as a formula; nothing where it is not surely one that a page can typeset."""
    commands = re.findall(r"\\([A-Za-z]+|.)", written)
    balanced = commands.count("left") == commands.count("right") and written.count("{") == written.count("}")
    if not balanced or not HARMLESS.issuperset(commands) or re.search(r"[$%#~]", written) or not written.strip():
        return ""
    return _displayed(written.strip().removesuffix(r"\\"))


# ---- formulas --------------------------------------------------------------------------------------------------------

def _text(text: Text) -> str:
    return "".join(_plain(part) if isinstance(part, str) else escape(f"${spell(part)}$", quote=False) for part in text)


def _plain(text: str) -> str:
    """What is no formula, whatever stands in it."""
    return re.sub(r"[$\\]", r"<span>\g<0></span>", escape(text, quote=False))


def _formula(lines: Sequence[Line]) -> str:
    return _displayed(latex_lines(lines))


def _displayed(rows: str) -> str:
    return f'<div style="overflow-x: auto">{escape(_aligned(rows), quote=False)}</div>\n'


def _aligned(rows: str) -> str:
    """Not between `$$`, which would centre it: the steps of a chain stand below each other."""
    return f"$\\displaystyle \\begin{{aligned}}\n{rows}\n\\end{{aligned}}$"
