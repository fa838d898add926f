"""Every exercise in problems/: its answers are what autodiff says, its right formulas right and its wrong ones wrong.

Here by central differences in plain floats, which know nothing of the calculus; proofs are `derivs verify`'s business.
"""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from plainly import World, gaps, unit_sums, world

from derivs import library
from derivs.affine import Affine
from derivs.expr import tensors_in
from derivs.problem import Claim, Problem, bar

jax.config.update("jax_enable_x64", True)

NAMES = library.names()
SEEDS = range(6)
CLOSE = 1e-6                     # central differences with a step of 1e-5 are right to about 1e-9
APART = 1e-3                     # and the wrong formulas of the documents are further off than that

TABLE = [
    "sigmoid", "minmax_dag", "softmax_temperature", "cross_entropy", "softmax_cross_entropy", "linear",
    "linear_columns", "linear_batch", "relu", "leaky_relu", "dropout", "batchnorm", "batchnorm_epsilons",
    "batchnorm_affine", "conv_valid", "conv_full", "conv_strided", "conv_stride_letter", "mlp", "lp_pool", "max_pool",
    "max_pool_overlapping", "avg_pool", "logistic_loss", "hinge_loss", "elastic_net",
]


def test_every_exercise_of_the_table_is_there():
    assert set(TABLE) <= set(NAMES)


@pytest.fixture(scope="module", params=NAMES)
def problem(request) -> Problem:
    return library.load(request.param)


def worlds(problem: Problem, claim: Claim):
    """Points at which what the claim takes as given of numbers is so: labels that sum to 1."""
    for seed in SEEDS:
        there = world(problem, seed)
        for given in claim.given:
            if not isinstance(given.left, Affine):
                assert not isinstance(given.right, Affine)
                for tensor in tensors_in(given.left) | tensors_in(given.right):
                    there = unit_sums(there, tensor)
        yield seed, there


def worst(problem: Problem, claim: Claim) -> float:
    found = [gap / size for seed, there in worlds(problem, claim) for gap, size in gaps(claim, there, seed)]
    assert found, "the claim says nothing at the sizes that were tried"
    return max(found)


def test_targets_are_true(problem):
    assert problem.targets
    for k, target in enumerate(problem.targets, 1):
        assert worst(problem, target.claim) < CLOSE, f"target {k}"


def test_right_hand_formulas_are_true(problem):
    for hand in problem.hands:
        if not hand.wrong:
            assert worst(problem, hand.claim) < CLOSE, hand.source


def test_wrong_hand_formulas_are_false(problem):
    for hand in problem.hands:
        if hand.wrong:
            assert worst(problem, hand.claim) > APART, hand.source


def test_says_where_it_comes_from(problem):
    assert problem.title and problem.source and problem.description
    assert all(hand.source for hand in problem.hands)


def array(there: World, name: str) -> np.ndarray:
    return np.array([there.entry(*place) for place in there.places(name)]).reshape(there.shape(name))


def test_reference_is_the_same_function_with_the_same_gradients(problem):
    parameters = inspect.signature(problem.reference).parameters
    nodes = [d.tensor for d in problem.definitions if d.tensor in parameters]
    abstract = problem.definition(problem.loss) is None
    for seed in SEEDS[:3]:                # JAX compiles anew for every size
        there = world(problem, seed)
        inputs = {t.name: jnp.array(array(there, t.name)) for t in problem.inputs}
        static = {name: size for name, size in there.sizes.items() if name in parameters}

        def outputs(variables, inputs=inputs, static=static):
            result = problem.reference(**inputs | variables | static)
            return result if isinstance(result, dict) else {problem.outputs[0]: result}

        def loss(variables, there=there, outputs=outputs):
            if not abstract:
                return outputs(variables)[problem.loss]
            return sum(jnp.sum(array(there, bar(y)) * outputs(variables)[y]) for y in problem.outputs)

        values = jax.jit(lambda outputs=outputs: outputs({}))()              # each as one program: compiled once
        for name in problem.outputs:
            assert values[name].shape == there.shape(name)
            assert np.allclose(values[name], array(there, name), rtol=1e-10, atol=1e-12), name
        by = {name: inputs[name] for name in inputs if problem.tensors[name].role in ("input", "parameter")}
        gradients = jax.jit(jax.grad(loss))(by | {name: jnp.zeros(there.shape(name)) for name in nodes})
        for name, gradient in gradients.items():
            ours = array(there, bar(name))
            assert gradient.shape == ours.shape
            assert np.allclose(gradient, ours, rtol=CLOSE, atol=CLOSE * (1 + abs(ours).max())), name


def test_adjoints_that_are_asked_for_have_a_handle_in_the_reference(problem):
    asked = {t.claim.left.by.tensor for t in problem.targets
             if hasattr(t.claim.left, "by") and t.claim.left.of.tensor == problem.loss}
    parameters = inspect.signature(problem.reference).parameters
    assert asked <= set(parameters)
