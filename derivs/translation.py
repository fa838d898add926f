"""Whether two notations say the same: what one of them prints is read back and judged against the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Final

from derivs.affine import Affine, symbol
from derivs.checker import Checker
from derivs.errors import DerivsError, IllFormed
from derivs.judge import ProofContradicted
from derivs.latex import latex_claim
from derivs.problem import Claim, Problem
from derivs.reading.choices import Choices
from derivs.reading.printed import read_as_printed, vocabulary_of
from derivs.reading.vocabulary import Spelling, Vocabulary
from derivs.verdict import Proved, Tested, Unread, Verdict

UNTOLD: Final = 6                      # sizes that are the length of no axis by themselves, and are found by trying
PARTIALS: Final[tuple[dict[str, int], ...]] = ({}, {"partials": 1}, {"partials": 2})      # of derivs.reading.quotients


def agree(original: Problem, renotated: Problem, seed: int = 0) -> tuple[tuple[Claim, Verdict], ...]:
    """The definitions and targets of `renotated`, each with the verdict of `original` on it.

    Each is printed, read by somebody who knows no more than the print, and judged as a line about the original: its
    tensors are those of the same name there, its sizes those at the same places. Raises IllFormed where the tensors of
    the two differ.
    """
    sizes = {new: symbol(old) for old, new in same_sizes(original, renotated).items()}
    words = _meaning(vocabulary_of(renotated), lambda form: form.substitute(sizes))
    judge = Checker(replace(original, indices={**original.indices, **words.indices}), words, seed=seed)
    claims = [Claim(definition.entry, definition.value) for definition in renotated.definitions]
    claims += [target.claim for target in renotated.targets]
    return tuple((one, _verdict(judge, latex_claim(one, renotated))) for one in claims)


def same_sizes(original: Problem, renotated: Problem) -> Mapping[str, str]:
    """The sizes of one exercise to those of the other, so that all tensors have the same shapes."""
    pairs = [(form, other) for name, tensor in original.tensors.items() if name in renotated.tensors
             for form, other in zip(tensor.shape, renotated.tensors[name].shape, strict=False)]
    sure = {form.bare: other.bare for form, other in pairs if form.bare and other.bare}
    left = [size for size in original.sizes if size not in sure]
    right = [size for size in renotated.sizes if size not in sure.values()]
    for order in permutations(right, len(left)) if len(left) == len(right) <= UNTOLD else ():
        found = sure | dict(zip(left, order, strict=True))
        if _shapes(original, {old: symbol(new) for old, new in found.items()}) == _shapes(renotated, {}):
            return found
    raise IllFormed("the two exercises have different tensors, so they cannot be compared",
                    where=f"{original.name}, {renotated.name}", mend="compare an exercise with itself renotated")


def _shapes(problem: Problem, sizes: Mapping[str, Affine]) -> object:
    """All that is said of sizes, in these letters for them."""
    return ({name: tuple(form.substitute(sizes) for form in tensor.shape) for name, tensor in problem.tensors.items()},
            frozenset(fact.substitute(sizes) for fact in problem.facts))


def _meaning(words: Vocabulary, form: Callable[[Affine], Affine]) -> Vocabulary:
    """The same words with their lengths mapped."""
    def meant(spelling: Spelling) -> Spelling:
        return replace(spelling, named=replace(spelling.named, sizes=tuple(map(form, spelling.named.sizes))))

    return replace(words, spellings={base: list(map(meant, known)) for base, known in words.spellings.items()},
                   sizes={name: form(size) for name, size in words.sizes.items()},
                   indices={name: (form(low), form(high)) for name, (low, high) in words.indices.items()})


def _verdict(judge: Checker, formula: str) -> Verdict:
    """What is said of a printed equation, read just as it stands: a slip that a reader would forgive is none here.

    But whether a partial derivative goes through the nodes between does not stand in the print of any exercise.
    """
    verdicts = []
    for taken in PARTIALS:
        choices = Choices(dict(taken))
        verdicts.append(_in_reading(judge, formula, choices))
        if isinstance(verdicts[-1], Proved):
            return verdicts[-1]
        if "partials" not in choices.met:
            break
    return verdicts[0]


def _in_reading(judge: Checker, formula: str, choices: Choices) -> Verdict:
    """The verdict on an equation in one reading."""
    try:
        verdict, reading = judge.verdict(read_as_printed(formula, judge.problem, judge.vocabulary, choices))
    except ProofContradicted as error:
        return Tested(0, error.what)
    except DerivsError as error:
        return Unread(error.what)
    return Tested(0, "what lies outside of a tensor is read as zero") if reading.is_padded else verdict
