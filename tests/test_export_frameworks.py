"""Exported JAX and PyTorch compute what was proved, and are what the libraries differentiate by."""

import inspect

import numpy as np
import pytest
from exported import (
    EXERCISES,
    PLAIN,
    as_defined,
    as_written,
    compared,
    exported,
    is_loss,
    loaded,
    named,
    ordinary,
    run,
    told_apart,
)

from derivs.problem import bar


@pytest.mark.parametrize("name", PLAIN, ids=named)
def test_torch_computes_what_was_proved(name):
    torch = pytest.importorskip("torch")
    known, total = compared(name, "torch", 2, lambda array: torch.tensor(np.asarray(array)), 4)
    assert known > total / 2


@pytest.mark.parametrize("name", EXERCISES, ids=named)
def test_torch_gradcheck(name):
    torch = pytest.importorskip("torch")
    inputs, module = ordinary(name), exported(name, "torch")
    asked = {g.by for g in module.gradients}
    tensors = [torch.tensor(inputs.arrays[t.name][0], requires_grad=t.name in asked) for t in inputs.problem.inputs]
    rest = inputs.forward(0, module)[len(tensors):]
    function = getattr(loaded(name, "torch"), module.name)
    assert torch.autograd.gradcheck(lambda *given: function(*given, *rest), tensors)


@pytest.mark.parametrize("name", EXERCISES, ids=named)
def test_jax_takes_the_proved_gradient_from_the_exported_backward(name):
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    inputs, module = ordinary(name), exported(name, "jax")
    given = inputs.forward(0, module, jnp.asarray)
    arrays, rest = given[:len(inputs.problem.inputs)], given[len(inputs.problem.inputs):]
    function = getattr(loaded(name, "jax"), module.name)
    asked = [k for k, t in enumerate(inputs.problem.inputs) if t.name in {g.by for g in module.gradients}]

    def of_asked(*values):
        every = list(arrays)
        for k, value in zip(asked, values, strict=True):
            every[k] = value
        return function(*every, *rest)

    values = [arrays[k] for k in asked]
    upstream = inputs.upstream(0, jnp.asarray)
    cotangent = jnp.ones(()) if is_loss(inputs.problem) else tuple(upstream) if len(upstream) > 1 else upstream[0]
    assert "custom_vjp_call" in str(jax.make_jaxpr(of_asked)(*values))
    pulled, found = jax.jit(       # one program: compiling every operation by itself takes ten times as long
        lambda: (jax.vjp(of_asked, *values)[1](cotangent), run(name, inputs, 0, "jax", jnp.asarray)))()
    for gradient, one in zip(module.gradients, pulled, strict=True):
        assert agree(one, found[bar(gradient.by)])
    if name in PLAIN:
        truth, own = as_defined(inputs), as_written(inputs)
        ours = [*found.items(), *((bar(g.by), one) for g, one in zip(module.gradients, pulled, strict=True))]
        for what, value in ours:
            assert not (told_apart(np.asarray(value), 0, truth.tensor(what), own.tensor(what)) > 1).any()
    if inputs.problem.reference is not None:
        _against_the_reference(inputs, of_asked, values, cotangent, asked)


def _against_the_reference(inputs, exported_, values, cotangent, asked):
    """jax.vjp of the exercise's own forward pass, written with library primitives."""
    import jax
    problem = inputs.problem
    keywords = inspect.signature(problem.reference).parameters
    sizes = {name: value for name, value in inputs.sizes.items() if name in keywords}

    def reference(*given):
        arrays = {t.name: inputs.arrays[t.name][0] for t in problem.inputs}
        arrays |= {problem.inputs[k].name: value for k, value in zip(asked, given, strict=True)}
        result = problem.reference(**arrays, **sizes)
        return result[(problem.outputs or (problem.loss,))[0]] if isinstance(result, dict) else result

    def results(function):
        value, pull = jax.vjp(function, *values)
        return value, *pull(cotangent)

    for one, other in zip(*jax.jit(lambda: (results(exported_), results(reference)))(), strict=True):
        assert agree(one, other)


def agree(one, other):
    """To a few hundred roundings: what is compiled into one program is not rounded as what is called by itself."""
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and np.abs(one - other).max() <= 1e-12 * (1 + np.abs(other).max())


@pytest.mark.parametrize("name", ["avg_pool", "conv_stride_letter", "max_pool", "tests/textbook/multiclass_hinge.toml"],
                         ids=named)
def test_jax_compiles_and_maps_it(name):
    """Integers stay integers under jit: a shape cannot be traced."""
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    inputs, module = ordinary(name), exported(name, "jax")
    given = inputs.forward(0, module, jnp.asarray)
    arrays, rest = given[:len(inputs.problem.inputs)], given[len(inputs.problem.inputs):]
    function = getattr(loaded(name, "jax"), module.name)
    gradient = jax.grad(lambda *arrays: (function(*arrays, *rest)**2).sum())
    plain = gradient(*arrays)
    assert np.allclose(jax.jit(gradient)(*arrays), plain, rtol=1e-12)
    assert np.allclose(jax.vmap(gradient)(*(jnp.stack([a, a]) for a in arrays))[1], plain, rtol=1e-12)
