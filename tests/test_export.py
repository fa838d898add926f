"""Exported code computes what was proved: at every size class, at extremes and kinks, in three libraries."""

import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from exported import (
    EXERCISES,
    HERE,
    PLAIN,
    Inputs,
    as_defined,
    as_written,
    compared,
    exported,
    is_loss,
    loaded,
    named,
    ordinary,
    problem_of,
    run,
    samples,
    told_apart,
)

from derivs.affine import affine, symbol
from derivs.cli import main
from derivs.derive import Graph
from derivs.errors import DerivsError, IllFormed, Unsupported
from derivs.export import TARGETS, export
from derivs.export.formulas import Formulas, means
from derivs.export.names import identifier
from derivs.export.stable import REWRITES, stable
from derivs.expr import Apply, Entry, Largest, Sum, add, mul, number, power, subtract, walk
from derivs.judge import judge
from derivs.problem import Claim, Definition, Problem, Tensor, bar
from derivs.verdict import Proved

# ---- every exercise, at every size class

@pytest.mark.parametrize("name", PLAIN, ids=named)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")              # inputs up to 1e120 overflow, as they must
def test_numpy_computes_what_was_proved(name):
    known, total = compared(name, "numpy", 8)
    assert known > total / 2           # the truth is known at most inputs, else nothing was tested


def test_the_comparison_sees_a_gradient_that_is_off_by_a_rounding_or_two():
    """The control: batchnorm with m - 1 for m, or with one ulp in a hundred thousand, is told from the truth."""
    drawn = next(d for d in samples(problem_of("batchnorm_affine")) if d.sizes["B"] > 2)
    truth, own = as_defined(drawn).tensor("x_bar"), as_written(drawn).tensor("x_bar")
    right = run("batchnorm_affine", drawn, 0)["x_bar"]
    for wrong in (right * (1 + 1e-9), right * drawn.sizes["B"] / (drawn.sizes["B"] - 1)):
        assert (told_apart(wrong, 0, truth, own) > 1).any()
    assert not (told_apart(right, 0, truth, own) > 1).any()


# ---- what a caller relies on

@pytest.mark.parametrize("name", EXERCISES, ids=named)
def test_inputs_stay_as_they_are_and_a_second_call_gives_the_same(name):
    inputs = ordinary(name)
    before = {tensor: array.copy() for tensor, array in inputs.arrays.items()}
    first, second = run(name, inputs, 0), run(name, inputs, 0)
    assert all(np.array_equal(first[what], second[what]) for what in first)
    assert all(np.array_equal(before[tensor], inputs.arrays[tensor]) for tensor in before)


@pytest.mark.parametrize("name", EXERCISES, ids=named)
def test_float32_stays_float32(name):
    found = run(name, ordinary(name, np.float32), 0)
    assert {what: np.asarray(value).dtype for what, value in found.items()} == dict.fromkeys(found, np.float32)


@pytest.mark.parametrize("name", PLAIN, ids=named)
def test_every_gradient_is_proved(name):
    assert all(isinstance(g.verdict, Proved) for g in exported(name).gradients)


@pytest.mark.parametrize("name", [n for n in PLAIN if not is_loss(problem_of(n))], ids=named)
def test_the_backward_pass_is_linear_in_the_cotangent(name):
    inputs = ordinary(name)
    half = {bar(y): inputs.arrays[bar(y)] / 2 for y in inputs.problem.outputs}
    whole, scaled = run(name, inputs, 0), run(name, Inputs(inputs.problem, inputs.sizes, {**inputs.arrays, **half}), 0)
    for g in exported(name).gradients:                             # halves are exact
        assert np.array_equal(whole[bar(g.by)], 2 * scaled[bar(g.by)])


@pytest.mark.parametrize("name", [n for n in PLAIN if is_loss(problem_of(n))], ids=named)
def test_dloss_scales_the_gradient_of_a_loss(name):
    inputs, module, code = ordinary(name), exported(name), loaded(name)
    _, cache = getattr(code, f"{module.name}_forward")(*inputs.forward(0, module))
    backward = getattr(code, f"{module.name}_backward")
    for one, four in zip(np.atleast_1d(*[backward(cache)]) if len(module.gradients) == 1 else backward(cache),
                         np.atleast_1d(*[backward(cache, 4.0)]) if len(module.gradients) == 1 else backward(cache, 4.0),
                         strict=True):
        assert np.array_equal(4 * np.asarray(one), np.asarray(four))


# ---- stable rewrites

i, k, n = symbol("i"), symbol("k"), symbol("n")
X = {at: Entry("x", (at,)) for at in (i, k)}
E = {at: Apply("exp", (X[at],)) for at in (i, k)}
Z = Sum("k", affine(1), n, E[k])
ONE = number(1)

TENSORS = {t.name: t for t in (Tensor("x", (n,)), Tensor("u"), Tensor("p", (n,), "node"), Tensor("s", (), "node"),
                               Tensor("mu", (), "node"), Tensor("E", (), "loss"))}


def problem_of_rewrites() -> Problem:
    """p = softmax(x), s = sigmoid(u), mu = mean of x."""
    from derivs.expr import Integer
    size = Integer(n)
    definitions = (
        Definition("p", ("i",), mul(E[i], power(Z, -1))),
        Definition("s", (), Apply("sigmoid", (Entry("u"),))),
        Definition("mu", (), mul(power(size, -1), Sum("k", Z.low, n, X[k]))))
    return Problem("rewrites", "", "", TENSORS, definitions, "E", ("p", "s"))


def log(u):
    return Apply("log", (u,))


def rows():
    """Each row of the table: a formula that it applies to, and one beside it that it leaves alone."""
    from derivs.expr import Integer
    u, size = Entry("u"), Integer(n)
    squares = mul(power(size, -1), Sum("k", Z.low, n, power(X[k], 2)))
    return {
        "softmax": (mul(E[i], power(Z, -1)), mul(E[i], power(Z, -2))),
        "log-sum-exp": (log(Z), log(Sum("k", Z.low, n, X[k]))),
        "log-softmax": (log(Entry("p", (i,))), log(Entry("mu"))),
        "log of exp": (log(power(Apply("exp", (u,)), 2)), log(add(Apply("exp", (u,)), number(2)))),
        "sigmoid": (power(add(ONE, Apply("exp", (mul(number(-1), u),))), -1),
                    power(add(number(2), Apply("exp", (u,))), -1)),
        "softplus": (log(add(ONE, Apply("exp", (u,)))), log(add(number(2), Apply("exp", (u,))))),
        "log-sigmoid": (log(subtract(ONE, Entry("s"))), log(subtract(number(2), Entry("s")))),
        "variance": (subtract(squares, power(Entry("mu"), 2)), subtract(squares, Entry("mu"))),
    }


@pytest.mark.parametrize("row", REWRITES, ids=lambda row: row.name)
def test_a_rewrite_is_an_equality_that_the_prover_knows(row):
    problem = problem_of_rewrites()
    definitions = {d.tensor: d for d in problem.definitions}
    before, neighbour = rows()[row.name]
    after = row.apply(before, definitions)
    assert after is not None and after != before
    assert row.apply(neighbour, definitions) is None
    assert row.why and row.source
    if not any(isinstance(node, Largest) for node in walk(after)):
        assert isinstance(judge(Graph(problem), Claim(before, after)), Proved)


def numpy_value(expr, indices=(), **arrays):
    """expr by exported operations on arrays, axis by axis."""
    from derivs.arrays import Axis, Batch, evaluate
    from derivs.bounded import exactly
    size = len(arrays.get("x", [0]))
    problem = problem_of_rewrites()
    given = {name: exactly(np.asarray([value], dtype=float)) for name, value in arrays.items()}
    batch = Batch({"n": size}, problem.tensors, given, {d.tensor: d for d in problem.definitions})
    return evaluate(expr, [Axis(name, 1, size) for name in indices], batch).value[0]


FAR = (-1e4, -1e3, -37.5, 0.0, 37.5, 1e3, 1e4)
EXTREMES = {                           # row: indices, inputs, and the value as a book has it
    "softmax": (("i",), {"x": (1e4, -1e4, 1e4)}, (0.5, 0.0, 0.5)),
    "log-sum-exp": ((), {"x": (1e4, -1e4, 1e4)}, 1e4 + np.log(2)),
    "log-softmax": (("i",), {"x": (1e4, -1e4)}, (0.0, -2e4)),
    "log of exp": ((), {"u": 1e4}, 2e4),
    "sigmoid": ((), {"u": -1e3}, 0.0),
    "softplus": ((), {"u": 1e3}, 1e3),
    "log-sigmoid": ((), {"u": 1e3}, -1e3),
    "variance": ((), {"x": (1e9, 1e9 + 1, 1e9 + 2)}, 2 / 3),
}


@pytest.mark.parametrize("row", REWRITES, ids=lambda row: row.name)
def test_a_rewrite_holds_at_extremes_where_the_formula_does_not(row):
    definitions = {d.tensor: d for d in problem_of_rewrites().definitions}
    before, _ = rows()[row.name]
    indices, inputs, value = EXTREMES[row.name]
    assert np.allclose(numpy_value(row.apply(before, definitions), indices, **inputs), value, rtol=1e-12, atol=0)
    if row.name not in ("sigmoid", "log of exp"):                  # these two are about warnings in NumPy, or two steps
        assert not np.allclose(numpy_value(before, indices, **inputs), value, rtol=1e-6, atol=0)


@pytest.mark.parametrize("x", FAR)
def test_sigmoid_warns_nowhere(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, cache = loaded("sigmoid").sigmoid_forward(np.float64(x))
        dx = loaded("sigmoid").sigmoid_backward(1.0, cache)
    assert 0 <= y <= 1 and 0 <= dx <= 0.25
    assert y == pytest.approx(np.exp(min(x, 0)) / (1 + np.exp(-abs(x))), rel=1e-15)


@pytest.mark.parametrize("name, inputs, out, gradients", [
    ("softmax_cross_entropy", ([1e4, -1e4, 0], [0, 1, 0]), 2e4, ([1, -1, 0],)),
    ("softmax_temperature", ([1e4, -1e4], 1.0), [0, 1], None),
    ("logistic_loss", ([1.0], 0.0, [[1e4], [-1e4]], [-1, -1]), 5e3, ([5e3], 0.5, [[0.5], [0]])),
    ("tests/textbook/logistic_regression.toml", ([[1e4]], [1.0], [0]), 1e4, ([1e4],)),
    ("tests/textbook/focal_loss.toml", (1e3, 0, 0.25, 2.0), 750, (0.75,)),
    ("tests/textbook/focal_loss.toml", (-1e3, 1, 0.25, 2.0), 250, (-0.25,)),
    ("tests/textbook/vae_kl.toml", ([0.0], [-1e4]), 5e3 - 0.5, ([0], [-0.5])),
], ids=lambda value: named(value) if isinstance(value, str) else "")
def test_finite_at_extremes_where_the_mathematics_is(name, inputs, out, gradients):
    module, code = exported(name), loaded(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, cache = getattr(code, f"{module.name}_forward")(*(np.asarray(a, dtype=float) for a in inputs))
        assert np.allclose(found, out, rtol=1e-12)
        backward = getattr(code, f"{module.name}_backward")
        back = backward(cache) if is_loss(problem_of(name)) else backward(np.ones(np.shape(found)), cache)
    back = back if isinstance(back, tuple) else (back,)
    assert all(np.isfinite(g).all() for g in back)
    if gradients is not None:
        assert all(np.allclose(g, truth, rtol=1e-12) for g, truth in zip(back, gradients, strict=True))


def test_batchnorm_of_a_large_offset_is_that_of_no_offset():
    x = np.random.default_rng(0).integers(-8, 8, (16, 3)).astype(float)
    forward = loaded("batchnorm_affine").batchnorm_affine_forward
    (y, _), (far, _) = (forward(x + offset, np.ones(3), np.zeros(3), 1.0) for offset in (0.0, 2.0 ** 40))
    assert np.array_equal(y, far)      # E[x^2] - E[x]^2 would be 0 or negative here


# ---- kinks and ties

@pytest.mark.parametrize("name, inputs, upstream, gradients", [
    ("relu", ([[0.0, -0.0, 1.0]],), [[1.0, 1.0, 1.0]], [[[0, 0, 1]]]),
    ("leaky_relu", ([0.0, -1.0, 1.0], 0.25), [1.0, 1.0, 1.0], [[1, 0.25, 1]]),
    ("elastic_net", ([0.0, 2.0, -2.0], 1.0, 0.5), None, [[0, 1.5, -1.5]]),
    ("hinge_loss", ([1.0], 0.0, [[1.0], [0.5]], [1.0, 1.0]), None, [[-0.25], -0.5, [[0], [-0.5]]]),
    ("minmax_dag", (2.0, 2.0), 1.0, None),
    ("max_pool", ([[3.0, 3.0], [3.0, 3.0]],), [[5.0]], [[[5, 0], [0, 0]]]),                 # the first of equals wins
    ("max_pool", ([[1.0, 3.0], [3.0, 1.0]],), [[5.0]], [[[0, 5], [0, 0]]]),                 # row by row
    ("max_pool_overlapping", (np.ones((3, 5)),), [[1.0, 2.0]], [[[1, 0, 2, 0, 0], [0] * 5, [0] * 5]]),
    ("max_pool_overlapping", ([[0, 0, 1, 0, 0]] * 3,), [[1.0, 2.0]], [[[0, 0, 3, 0, 0], [0] * 5, [0] * 5]]),    # both
], ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("target", TARGETS)
def test_kinks_and_ties_as_the_exercise_has_them(name, inputs, upstream, gradients, target):
    kind = np.asarray
    if target == "jax":
        import jax
        jax.config.update("jax_enable_x64", True)
    if target == "torch":
        torch = pytest.importorskip("torch")
        def kind(a):
            return torch.tensor(np.asarray(a, dtype=float))
    module, code = exported(name, target), loaded(name, target)
    _, cache = getattr(code, f"{module.name}_forward")(*(kind(np.asarray(a, dtype=float)) for a in inputs))
    backward = getattr(code, f"{module.name}_backward")
    found = backward(cache) if upstream is None else backward(kind(np.asarray(upstream)), cache)
    found = found if isinstance(found, tuple) else (found,)
    if gradients is None:              # max + min is a sum, ties included
        s = 1 / (1 + np.exp(-2.0))
        gradients = [s * (1 - s)] * 2
    assert all(np.allclose(np.asarray(a), b, rtol=1e-15) for a, b in zip(found, gradients, strict=True))


# ---- which formula, and how it reads

def test_a_short_form_that_cancels_is_not_used():
    """tanh(c)^2 = (h/o)^2 on paper: where the gate o closes, h/o is 0/0."""
    formulas = Formulas(Graph(problem_of("tests/textbook/lstm_cell.toml")))
    assert not formulas.of("c_t")[0].textbook
    assert formulas.of("hat(i)_t")[0].textbook
    assert not Formulas(Graph(problem_of("batchnorm_epsilons"))).of("epsilon2")[0].textbook    # y - epsilon1


def test_a_size_is_divided_into_a_bracket_where_that_saves_a_pass():
    from derivs.expr import Integer
    m, g = Integer(symbol("m")), Entry("g", (i,))
    s = Sum("k", Z.low, symbol("m"), Entry("g", (k,)))
    assert means(mul(power(m, -1), subtract(mul(m, g), s))) == add(g, mul(power(m, -1), number(-1), s))
    outside = mul(power(m, -1), subtract(g, s))
    assert means(outside) == outside


READS = {                              # lines of the modules, as a person would write them
    "batchnorm_affine": [
        "mu = x.mean(axis=0)", "xhat = centred / sigma", "dgamma = np.einsum('ri,ri->i', dy, xhat)",
        "dbeta = dy.sum(axis=0)", "dx = -dgamma / B * xhat", "dx += dy", "dx -= dbeta / B", "dx *= gamma / sigma"],
    "linear_batch": ["dW = dy.T @ x", "db = dy.sum(axis=0)", "dx = dy @ W"],
    "softmax_cross_entropy": ["e = np.exp(x - peak)", "dx = t.sum() * s", "dx -= t", "dx *= dloss"],
    "mlp": ["z1 = b1 + W1 @ x", "dz2 = np.where(z2 >= 0, da2, a * da2)", "dW1 = np.outer(dz1, x)", "db1 = dz1"],
    "avg_pool": ["y = x.reshape(n, K).mean(axis=1)", "dx = np.repeat(dy, K) / K"],
    "max_pool": ["Y = X.reshape(R, 2, S, 2).max(axis=(1, 3))"],
    "relu": ["dX = dY * (X > 0)"],
    "conv_strided": ["dy_spread[::2] = dy", "dw = dy @ x_windows"],
    "conv_valid": ["h, w = W.shape[2:]", "X_windows = sliding_window_view(X, (h, w), axis=(2, 3))",
                   "for u, v in np.ndindex(h, w):", "db = dY.sum(axis=(0, 2, 3))"],
    "tests/textbook/attention.toml": ["dS = P * (dP - np.einsum('ik,ik->i', dP, P)[:, None])", "dV = P.T @ dO"],
}


@pytest.mark.parametrize("name", READS, ids=named)
def test_the_code_reads_as_a_person_writes_it(name):
    lines = [line.strip() for line in exported(name).text.splitlines()]
    assert [line for line in READS[name] if line not in lines] == []


def test_in_jax_a_sum_of_products_is_one_expression():
    assert "dx = gamma / sigma * (dy - dgamma / B * xhat - dbeta / B)" in exported("batchnorm_affine", "jax").text
    assert "dgamma = (dy * xhat).sum(axis=0)" in exported("batchnorm_affine", "jax").text


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", EXERCISES, ids=named)
def test_no_loop_over_entries_and_no_long_line(name, target):
    """The only loop is that of col2im in NumPy, over the offsets in a window: each turn adds whole arrays."""
    lines = exported(name, target).text.splitlines()
    for line, after in pairwise(lines):
        if line.strip().startswith(("for ", "while ")):
            assert target == "numpy" and "+= columns[" in after
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("letter, name", [
    ("W^(1)", "W1"), ("hat(x)", "xhat"), ("h_t-1", "h_prev"), ("lambda", "lam"), ("sigma^2", "sigma2"),
    ("f'", "f_prime"), ("D_KL", "D_KL"), ("sum", "sum_")])
def test_names(letter, name):
    assert identifier(letter) == name


# ---- the command

def invoked(*arguments):
    return CliRunner().invoke(main, ["export", *arguments])


def test_the_module_is_printed():
    result = invoked("relu", "--to", "numpy")
    assert result.exit_code == 0
    assert result.output == exported("relu").text


def test_the_module_is_written_whole(tmp_path):
    file = tmp_path / "relu.py"
    result = invoked("relu", "--to", "torch", "-o", str(file))
    assert (result.exit_code, result.output) == (0, f"{file}\n")
    assert file.read_text() == exported("relu", "torch").text
    assert [path.name for path in tmp_path.iterdir()] == ["relu.py"]


def test_json_says_how_to_call_it():
    fields = json.loads(invoked("avg_pool", "--to", "jax", "--json").output)
    assert fields["arguments"] == ["x", "K"] and fields["integers"] == ["K"]
    assert fields["cotangents"] == ["dy"]
    assert fields["gradients"] == [{"by": "x", "name": "dx", "formula": exported("avg_pool").gradients[0].formula,
                                    "verdict": "proved", "conditions": []}]
    assert fields["code"] == exported("avg_pool", "jax").text


def test_what_has_no_vectorised_form_says_which_part():
    """y_i = sum_{k <= i} x_k: the range of the sum hangs on an index."""
    tensors = (Tensor("x", (n,)), Tensor("y", (n,), "node"), Tensor("E", (), "loss"))
    cumulative = Problem(
        "cumulative", "", "", {t.name: t for t in tensors},
        (Definition("y", ("i",), Sum("k", Z.low, i, X[k])),), "E", ("y",))
    with pytest.raises(Unsupported) as error:
        export(cumulative, "numpy")
    assert "hangs on an index" in str(error.value) and "cumulative, y" in str(error.value)


def test_without_inputs_there_is_nothing_to_export():
    tensors = (Tensor("t", (n,), "target"), Tensor("L", (), "node"))
    labels = Problem("labels", "", "", {t.name: t for t in tensors},
                     (Definition("L", (), Sum("k", Z.low, n, Entry("t", (k,)))),), "L", ("L",))
    with pytest.raises(IllFormed, match="nothing to export"):
        export(labels, "numpy")


def test_an_unknown_library_is_refused():
    assert invoked("relu", "--to", "matlab").exit_code == 2
    with pytest.raises(DerivsError):
        export(problem_of("relu"), "matlab")


def test_rewrites_look_through_nodes_only_where_they_are_defined():
    assert stable(log(Entry("p", (i,))), {}) == log(Entry("p", (i,)))


def test_the_documentation_shows_what_is_exported():
    shown = (HERE.parent / "docs" / "export.md").read_text().split("```")[1]
    assert shown.split("\n", 2)[2] == exported("batchnorm_affine").text
