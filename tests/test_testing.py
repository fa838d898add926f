"""Property suites: right backward passes pass, wrong ones fail by the right property, with the mistake named."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import backward_passes as code
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from words import *

from derivs.errors import DerivsError
from derivs.expr import Compare, Indicator
from derivs.kernels import to_float
from derivs.library import load, names
from derivs.rules.mistakes import BY_NAME
from derivs.samples import shapes
from derivs.testing import Example, check, cotangents, inputs, sizes
from derivs.testing.aim import aimed
from derivs.testing.edits import TABLE, sites
from derivs.testing.engine import Answer, Description, Engine, Plan, describe
from derivs.testing.exact import exact_value
from derivs.testing.expected import Truth
from derivs.testing.properties import properties
from derivs.testing.signature import Signature, differentiable, plan
from derivs.testing.slips import mistake, unsummed
from derivs.testing.spelling import called as called_so
from derivs.testing.spelling import gradient_of, plain
from derivs.testing.strategies import given_cotangents
from derivs.testing.trial import Subject, Trial, batch_axis, in_float32

TEXTBOOK = Path(__file__).parent / "textbook"
BILINEAR = str(TEXTBOOK / "bilinear_form.toml")
EXAMPLES = 60


def tried(exercise: str, backward: Any, **options: Any) -> dict[str, Any]:
    """The findings by property."""
    report = check(exercise, backward=backward, examples=EXAMPLES, **options)
    return {one.name: one.finding for one in report.tried if one.finding is not None}


# -------------------------------------------------------------------------------------------------- right and wrong

RIGHT = [
    ("softmax_temperature", code.softmax_backward, {}),
    ("batchnorm_affine", code.batchnorm_backward, {"forward": code.batchnorm_forward}),
    ("batchnorm_affine", code.batchnorm_step_by_step, {}),
    ("linear_batch", code.linear_backward, {}),
    ("conv_valid", code.conv_backward, {}),
    ("relu", code.relu_backward, {}),
    ("hinge_loss", code.hinge_backward, {}),
    ("sigmoid", code.sigmoid_backward, {}),
    ("softmax_cross_entropy", code.cross_entropy_backward, {}),
    (BILINEAR, code.bilinear_backward, {"returns": ("x",)}),
]


@pytest.mark.parametrize("exercise, backward, options", RIGHT, ids=lambda one: getattr(one, "__name__", None))
def test_a_right_backward_pass_has_every_property(exercise: str, backward: Any, options: dict[str, Any]) -> None:
    report = check(exercise, backward=backward, examples=EXAMPLES, **options)
    assert report.ok, report
    assert report.examples >= EXAMPLES


WRONG = [                              # the properties that fail, and no other
    ("softmax_temperature", code.softmax_diagonal_only, {}, {"gradient by x"}),
    ("softmax_temperature", code.softmax_with_upstream_lost_in_the_sum, {}, {"gradient by x", "linear"}),
    ("softmax_temperature", code.softmax_unshifted, {}, {"finite"}),
    ("batchnorm_affine", code.batchnorm_without_xhat, {"forward": code.batchnorm_forward}, {"gradient by x"}),
    ("linear_batch", code.linear_transposed, {}, {"shapes"}),
    ("linear_batch", code.linear_without_the_batch_sum, {"returns": ("x", "W", "b")}, {"shapes"}),
    ("linear_batch", code.linear_mixing_rows, {}, {"gradient by x", "rows"}),
    ("relu", code.relu_of_zero_too, {}, {"kinks of X"}),
    ("hinge_loss", code.hinge_of_the_kink_too, {}, {"kinks of w", "kinks of b", "kinks of x"}),
    ("relu", code.relu_without_upstream, {}, {"gradient by X", "linear"}),
    ("relu", code.relu_in_place, {}, {"inputs"}),
    ("relu", code.relu_in_float64, {}, {"dtypes"}),
    ("relu", code.relu_clipped, {}, {"gradient by X", "linear"}),
    ("relu", code.relu_of_large_x_lost, {}, {"returns"}),
    ("softmax_cross_entropy", code.cross_entropy_without_labels, {}, {"gradient by x"}),
]


@pytest.mark.parametrize("exercise, backward, options, fails", WRONG, ids=lambda one: getattr(one, "__name__", None))
def test_a_wrong_backward_pass_fails_by_what_is_wrong_with_it(exercise: str, backward: Any, options: dict[str, Any],
                                                              fails: set[str]) -> None:
    assert tried(exercise, backward, **options).keys() == fails


def test_a_function_with_a_memory_is_not_repeatable() -> None:
    assert "repeatable" in tried("relu", code.Forgetful())


def test_an_inaccurate_forward_pass_is_inaccurate_and_not_wrong() -> None:
    """One pass over the data loses digits where the mean is large; at extreme inputs that shows."""
    x = np.array([[1e7 + 0.1], [1e7 + 1.3]])
    subject = subject_of("batchnorm_affine", code.batchnorm_backward, forward=code.batchnorm_in_one_pass)
    points = {"x": x[None], "gamma": np.ones((1, 1)), "beta": np.zeros((1, 1)), "epsilon": np.full(1, 2.0 ** -20),
              "y_bar": np.array([[[0.0], [1.0]]])}
    (accuracy,) = (one for one in properties(subject) if one.name == "accuracy")
    (right,) = (one for one in properties(subject) if one.name == "value of y")
    trial = Trial(subject, {"B": 2, "D": 1}, points)
    assert accuracy.is_weakness and accuracy.check(trial) is not None
    assert right.check(trial) is None


def test_a_forward_pass_alone_is_tried() -> None:
    assert check("softmax_temperature", forward=code.softmax, examples=EXAMPLES).ok
    (found,) = check("softmax_temperature", forward=lambda x, beta: code.softmax(-x, beta), examples=EXAMPLES).findings
    assert (found.property, found.mistake) == ("value of y", "the exponent has the wrong sign: e^(-β x_i), in y")


def test_a_class_is_counted_from_0_as_code_does() -> None:
    def hinge_backward(x, W, Delta, y):  # type: ignore[no-untyped-def]
        s = W @ x
        ds = ((s - s[y] + Delta > 0) & (np.arange(len(s)) != y)).astype(x.dtype)
        ds[y] = -ds.sum()
        dW, dx = np.outer(ds, x), ds @ W
        return dW, dx

    assert not tried(str(TEXTBOOK / "multiclass_hinge.toml"), hinge_backward)
    assert tried(str(TEXTBOOK / "multiclass_hinge.toml"), lambda x, W, Delta, y: hinge_backward(x, W, Delta, y - 1),
                 returns=("W", "x"))


def test_a_function_that_may_be_any_has_no_values() -> None:
    with pytest.raises(DerivsError, match="the function f may be any: it has no values to compare with"):
        check(str(TEXTBOOK / "two_layer_mlp.toml"), forward=lambda x, y, W1, b1, W2, b2: 0)


def test_a_finding_is_smallest_and_certified() -> None:
    found = tried("softmax_temperature", code.softmax_diagonal_only)["gradient by x"]
    assert found.example == Example({"n": 2}, {"x": np.zeros(2), "beta": np.array(1.0), "y_bar": np.array([0.0, 1.0])})
    assert (found.quantity, found.at, found.got, found.exact) == ("∂E/∂x_1", (0,), 0.0, "1/4")
    assert found.off > 1e12
    assert found.mistake == "only the terms with equal indices are counted: Σ_k ∂E/∂y_k · y_k"


def test_a_report_reads_like_this() -> None:
    report = check("softmax_temperature", backward=code.softmax_diagonal_only, examples=EXAMPLES)
    assert str(report).splitlines()[2:] == """\
  ✗ gradient by x fails
      at n = 2, x = (0, 0), β = 1, ∂E/∂y = (0, 1)
      ∂E/∂x_1 is 1/4; the function says 0 at index [0], 1.4e+14 rounding bounds away
      only the terms with equal indices are counted: Σ_k ∂E/∂y_k · y_k
        import numpy as np
        dy = np.array([0.0, 1.0])
        x = np.array([0.0, 0.0])
        beta = 1.0
        print(softmax_diagonal_only(dy, x, beta))
  · ∂E/∂β was not returned, and is not tested""".splitlines()


def test_a_program_of_a_finding_shows_what_the_function_said() -> None:
    found = tried("batchnorm_affine", code.batchnorm_without_xhat, forward=code.batchnorm_forward)["gradient by x"]
    printed: list[Any] = []
    exec(found.program, {**vars(code), "print": printed.append})
    assert printed[0][0][found.at] == found.got


def test_a_report_is_json() -> None:
    report = check("relu", backward=code.relu_of_zero_too, examples=EXAMPLES)
    fields = json.loads(json.dumps(report.fields(), allow_nan=False))
    (wrong,) = [one["finding"] for one in fields["properties"] if not one["holds"]]
    assert (fields["ok"], wrong["got"], wrong["exact"], wrong["severity"]) == (False, 1.0, "0", "wrong")


def test_the_same_seed_says_the_same() -> None:
    one, other = (str(check("relu", backward=code.relu_doubled, examples=EXAMPLES, seed=3)) for _ in range(2))
    assert one == other


def test_a_function_that_only_raises_says_so_and_no_more() -> None:
    def broken(dout: Any, x: Any) -> Any:
        return dout / 0 if isinstance(dout, float) else [][1]

    report = check("relu", backward=broken, examples=EXAMPLES)
    assert [one.name for one in report.tried] == ["returns"]
    assert report.findings[0].why.startswith("IndexError: list index out of range (line ")
    assert "[][1]" in report.findings[0].why


# ------------------------------------------------------------------------------------------------ the mistake is named


def subject_of(exercise: str, backward: Any, forward: Any = None, **options: Any) -> Subject:
    problem = load(exercise)
    functions = {name: f for name, f in (("backward", backward), ("forward", forward)) if f is not None}
    planned = plan(problem, {name: describe(f) for name, f in functions.items()}, **options)
    return Subject(problem, Truth(problem), planned, Engine(functions, planned), Engine(functions, in_float32(planned)))


def named(exercise: str, backward: Any, name: str, *, on_kinks: bool = False, by_shape: bool = False, **options: Any
          ) -> str:
    subject = subject_of(exercise, backward, **options)
    problem = subject.problem
    choices = shapes(problem, (*problem.inputs, *given_cotangents(problem)), np.random.default_rng(0))
    return unsummed(subject, choices, name) if by_shape else mistake(subject, choices, name, on_kinks=on_kinks)


MISTAKES = [
    ("softmax_temperature", code.softmax_of_the_other_sign, "x_bar", "sign", "of the whole"),
    ("softmax_temperature", code.softmax_diagonal_only, "x_bar", "diagonal only", "Σ_k ∂E/∂y_k · y_k"),
    ("softmax_temperature", code.softmax_without_beta, "x_bar", "missing factor", "β"),
    ("softmax_temperature", code.softmax_of_plus_x, "x_bar", "sign in the exponent", "e^(-β x_j), in ∂E/∂x"),
    ("softmax_temperature", code.softmax_with_upstream_lost_in_the_sum, "x_bar", "missing factor", "∂E/∂y_k"),
    ("batchnorm_affine", code.batchnorm_without_the_mean, "x_bar", "size factor", "it is B times the right one"),
    ("batchnorm_affine", code.batchnorm_of_the_unbiased_variance, "x_bar", "m-1 for m", "B, in σ"),
    ("batchnorm_affine", code.batchnorm_with_its_own_eps, "x_bar", "epsilon", "it takes ε = 1e-05 of its own"),
    ("batchnorm_affine", code.batchnorm_with_a_sign_lost, "x_bar", "sign", "-x̂_si Σ_r ∂L/∂y_ri · x̂_ri"),
    ("linear_batch", code.linear_transposed, "W_bar", "transposed", "what comes back"),
    ("linear_batch", code.linear_mean, "b_bar", "size factor", "it is the right one divided by B"),
    ("conv_valid", code.conv_of_a_flipped_kernel, "X_bar", "kernel not flipped", "W_fcuv"),
    ("relu", code.relu_doubled, "X_bar", "factor", "it is 2 times the right one"),
    ("relu", code.relu_without_upstream, "X_bar", "missing factor", "the upstream gradient ∂L/∂Y"),
    ("sigmoid", code.sigmoid_of_tanh, "x_bar", "wrong derivative", "y (1 - y)"),
    ("softmax_cross_entropy", code.cross_entropy_without_labels, "x_bar", "missing term", "-t_j"),
    ("softmax_cross_entropy", code.cross_entropy_divided_by_classes, "x_bar", "size factor",
     "it is the right one divided by K"),
    (BILINEAR, code.bilinear_of_a_symmetric_matrix, "x_bar", "transposed", ""),
]


@pytest.mark.parametrize("exercise, backward, gradient, slip, what", MISTAKES,
                         ids=[row[1].__name__ for row in MISTAKES])
def test_the_mistake_is_named(exercise: str, backward: Any, gradient: str, slip: str, what: str) -> None:
    options = {"returns": ("x",)} if exercise == BILINEAR else {}
    said = named(exercise, backward, gradient, **options)
    assert said.startswith(BY_NAME[slip].sentence)
    assert said.endswith(what)


def test_a_missing_sum_over_the_batch_is_seen_by_the_shape() -> None:
    assert named("linear_batch", code.linear_without_the_batch_sum, "b_bar", by_shape=True,
                 returns=("x", "W", "b")) == (
        "a sum is missing: over axis 0 of what comes back, .sum(axis=0), which is that of B")


def test_the_wrong_side_of_a_kink_is_named() -> None:
    assert named("relu", code.relu_of_zero_too, "X_bar", on_kinks=True) == (
        "a comparison is of the wrong kind: on the kink of relu it takes the derivative 1, the exercise says 0")
    assert named("hinge_loss", code.hinge_of_the_kink_too, "w_bar", on_kinks=True) == (
        "a comparison is of the wrong kind: on the kink of relu it takes the derivative 1, the exercise says 0")


@pytest.mark.parametrize("turn", range(3), ids=["w", "b", "x"])
def test_what_is_computed_is_put_on_its_kink(turn: int) -> None:
    """1 - t (w . x + b) is 0 without rounding, for the first sample, wherever a point was moved."""
    truth, sizes, rng = Truth(load("hinge_loss")), {"N": 2, "D": 3}, np.random.default_rng(turn)
    shapes = {"w": (40, 3), "b": (40,), "x": (40, 2, 3), "t": (40, 2)}
    points = {name: rng.integers(-2, 3, shape).astype(float) for name, shape in shapes.items()}
    moved = aimed(truth, sizes, points, [turn] * 20 + [-1] * 20)
    margin = 1 - moved["t"][:, 0] * ((moved["x"][:, 0] * moved["w"]).sum(1) + moved["b"])
    assert (margin[:20] == 0).sum() >= 10
    for name, array in points.items():
        entries = (moved[name] != array).reshape(40, -1)
        assert not entries[20:].any()
        assert entries.sum() == (entries[:, 0].sum() if name == "wbx"[turn] else 0)


@pytest.mark.parametrize("exercise, backward, options", RIGHT, ids=lambda one: getattr(one, "__name__", None))
def test_nothing_is_said_of_what_is_right(exercise: str, backward: Any, options: dict[str, Any]) -> None:
    subject = subject_of(exercise, backward, **options)
    assert [named(exercise, backward, x, **options) for x in subject.gradients] == [""] * len(subject.gradients)


def test_no_mistake_is_invented() -> None:
    """Wrong in a way that no row describes."""
    assert named("conv_valid", code.conv_of_one_filter, "X_bar") == ""
    assert named("relu", lambda dout, x: np.sin(dout) * (x > 0.3), "X_bar") == ""


x, g, y = E("x", "i"), E("g", "i"), E("y", "i")
MADE = {                               # what is right, and what is made of it among other things
    "sign": (add(x, g), add(x, negate(g))),
    "factor": (mul(N(2), x), x),
    "size factor": (mul(power(N("n"), -1), x), x),
    "m-1 for m": (mul(power(N("n"), -1), x), mul(power(N(V("n") - 1), -1), x)),
    "epsilon": (add(x, E("epsilon")), x),
    "strict": (Indicator(Compare("<", N(0), x)), Indicator(Compare("<=", N(0), x))),
    "diagonal only": (S("k", "n", mul(E("g", "k"), E("x", "k"))), mul(g, x)),
    "missing term": (add(x, g), x),
    "missing factor": (mul(x, g), x),
    "transposed": (E("W", "i", "j"), E("W", "j", "i")),
    "kernel not flipped": (S("k", "n", mul(E("g", V("i") - V("k") + 1), E("w", "k"))),
                           S("k", "n", mul(E("g", V("i") + V("k") - 1), E("w", "k")))),
    "wrong derivative": (mul(y, subtract(ONE, y)), subtract(ONE, power(y, 2))),
    "sign in the exponent": (exp(x), exp(negate(x))),
    "exponent": (power(x, 2), power(x, 3)),
    "inverse": (power(x, -1), x),
    "lost exp": (exp(x), x),
    "lost log": (log(x), x),
}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.mistake)
def test_a_row_makes_its_mistake(row: Any) -> None:
    right, wrong = MADE[row.mistake]
    free = {"i": V("n"), "j": V("n")}
    made = [site.put(new) for site in sites(right, free) for _, new in row.changes(site)]
    assert wrong in made
    assert right not in made


def test_every_row_is_a_known_mistake() -> None:
    assert {row.mistake for row in TABLE} == MADE.keys() <= BY_NAME.keys()


# ------------------------------------------------------------------------------------------------------- parameters

CALLS = [
    ("softmax_temperature", lambda dy, x, beta: 0, {"dy": "y_bar", "x": "x", "beta": "beta"}),
    ("softmax_temperature", lambda grad_output, logits, beta: 0,
     {"grad_output": "y_bar", "logits": "x", "beta": "beta"}),
    ("batchnorm_affine", lambda dL_dy, x_hat, γ, std: 0,
     {"dL_dy": "y_bar", "x_hat": "xhat", "γ": "gamma", "std": "sigma"}),
    ("batchnorm_affine", lambda dout, inputs, weight, bias, eps: 0,
     {"dout": "y_bar", "inputs": "x", "weight": "gamma", "bias": "beta", "eps": "epsilon"}),
    ("linear_batch", lambda g, x, weight, bias: 0, {"g": "y_bar", "x": "x", "weight": "W", "bias": "b"}),
    ("conv_valid", lambda upstream, X, w: 0, {"upstream": "Y_bar", "X": "X", "w": "W"}),
    ("relu", lambda y_bar, x: 0, {"y_bar": "Y_bar", "x": "X"}),
    ("softmax_cross_entropy", lambda x, y: 0, {"x": "x", "y": "t"}),
    ("softmax_cross_entropy", lambda probs, target: 0, {"probs": "s", "target": "t"}),
    ("softmax_temperature", lambda x, dy, beta, n, out=None: 0,
     {"x": "x", "dy": "y_bar", "beta": "beta", "n": "n", "out": "y"}),
]


@pytest.mark.parametrize("exercise, function, arguments", CALLS)
def test_parameters_are_known_by_their_names(exercise: str, function: Any, arguments: dict[str, str]) -> None:
    known = replace(describe(function), returned=("",))
    assert plan(load(exercise), {"backward": known}, returns=differentiable(load(exercise))[:1]).arguments == arguments


REFUSED = [
    ("relu", {"backward": lambda foo, x: 0}, {}, "what the parameter foo of <lambda> stands for is not known\n"
                                                 "    say it: names={'foo': 'Y_bar'}"),
    ("relu", {"backward": lambda x: 0}, {}, "no parameter of <lambda> stands for the upstream gradient"),
    ("relu", {"backward": lambda dout, cache: 0}, {}, "the parameter cache of <lambda> is what a forward pass saves\n"
                                                      "    give the forward pass too"),
    ("relu", {"backward": lambda dout, x: 0}, {"names": {"dz": "Y_bar"}}, "names: there is no parameter dz"),
    ("relu", {"backward": lambda dout, x: 0}, {"names": {"x": "Z"}}, "names: the exercise has no Z"),
    ("relu", {"backward": lambda dout, x: 0}, {"returns": ("Z",)}, "returns: the exercise has no Z"),
    ("linear_batch", {"backward": lambda dy, x, W: (dy @ W, dy.T @ x)}, {},
     "in which order <lambda> returns the gradients is not known\n    say it: returns=('x', 'W')"),
]


@pytest.mark.parametrize("exercise, functions, options, message", REFUSED)
def test_what_cannot_be_mapped_is_refused_with_a_way_out(exercise: str, functions: dict[str, Any],
                                                         options: dict[str, Any], message: str) -> None:
    known = {name: replace(describe(f), returned=()) for name, f in functions.items()}
    with pytest.raises(Signature) as error:
        plan(load(exercise), known, **options)
    assert message in str(error.value)


def test_names_say_what_names_do_not_tell() -> None:
    found = plan(load("relu"), {"backward": describe(lambda foo, x: 0)}, names={"foo": "Y_bar"})
    assert found.arguments == {"foo": "Y_bar", "x": "X"}


@pytest.mark.parametrize("function, returns", [
    (code.linear_backward, ("x", "W", "b")),
    (code.batchnorm_step_by_step, ("x",)),
    (code.softmax_backward, ("x", "beta")),
])
def test_the_return_statement_tells_the_order(function: Any, returns: tuple[str, ...]) -> None:
    exercise = {"linear_backward": "linear_batch", "batchnorm_step_by_step": "batchnorm_affine",
                "softmax_backward": "softmax_temperature"}[function.__name__]
    assert plan(load(exercise), {"backward": describe(function)}).returns == returns


@pytest.mark.parametrize("name, tensor", [
    ("dx", "x"), ("grad_x", "x"), ("dL_dgamma", "gamma"), ("∂γ", "gamma"), ("gamma_grad", "gamma"), ("x_bar", "x"),
    ("dweight", "gamma"), ("dinput", "x"), ("dbeta", "beta"), ("dsomething", None),
])
def test_a_gradient_is_known_by_its_name(name: str, tensor: str | None) -> None:
    assert [t.name for t in gradient_of(name, load("batchnorm_affine").inputs)] == ([tensor] if tensor else [])


@pytest.mark.parametrize("exercise, name, tensor", [
    ("batchnorm_affine", "hat_x", "xhat"), ("lstm_cell", "h_prev", "h_t-1"), ("lstm_cell", "i_hat_t", "hat(i)_t"),
    ("l2_normalize", "x_tilde", "tilde(x)"), ("ridge_regression", "lam", "lambda"),
])
def test_accents_and_greek_letters_have_plain_names(exercise: str, name: str, tensor: str) -> None:
    problem = load(exercise if exercise in names() else str(TEXTBOOK / f"{exercise}.toml"))
    assert [t.name for t in called_so(name, list(problem.tensors.values()))] == [tensor]


def test_a_plain_name_is_small_letters() -> None:
    assert plain("∂L_dγ") == "dldgamma"


# ------------------------------------------------------------------------------------------------------------- calls

HERE = {"n": 3, "x": np.array([1.0, 2.0, 3.0]), "beta": np.array(0.5), "y_bar": np.array([1.0, 0.0, 0.0])}


def called(function: Any, forward: Any = None, dtype: str = "float64", **options: Any) -> Answer:
    functions = {"backward": function} if forward is None else {"backward": function, "forward": forward}
    found = plan(load("softmax_temperature"), {name: describe(f) for name, f in functions.items()}, **options)
    again = Plan.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    return Engine(functions, replace(again, dtype=dtype))(HERE)


def right() -> tuple[Any, Any]:
    return code.softmax_backward(HERE["y_bar"], HERE["x"], 0.5)


@jax.custom_vjp
def jax_softmax(x: Any, beta: Any) -> Any:
    return jax.nn.softmax(-beta * x)


def _jax_forward(x: Any, beta: Any) -> Any:
    y = jax_softmax(x, beta)
    return y, (x, beta, y)


def _jax_backward(saved: Any, dy: Any) -> Any:
    x, beta, y = saved
    c = (dy * y).sum()
    return beta * y * (c - dy), c * (x * y).sum() - (dy * x * y).sum()


jax_softmax.defvjp(_jax_forward, _jax_backward)


def jax_backward(dy: Any, x: Any, beta: Any) -> Any:
    y = jnp.exp(-beta * x) / jnp.exp(-beta * x).sum()
    return beta * y * ((dy * y).sum() - dy)


def jax_branching(dy: Any, x: Any, beta: Any) -> Any:
    """Asks for a number on the way, so it cannot be compiled."""
    return jax_backward(dy, x, beta) if float(x.max()) < 1e3 else jnp.zeros_like(x)


def in_torch(function: Any) -> Any:
    """A function by its name in torch_passes, where torch is installed; else what is given."""
    return getattr(pytest.importorskip("torch_passes"), function) if isinstance(function, str) else function


def as_a_dict(dy: Any, x: Any, beta: Any) -> Any:
    dx, dbeta = code.softmax_backward(dy, x, beta)
    return {"dbeta": dbeta, "grad_x": dx}


def by_name_only(dy: Any, *, beta: Any, x: Any) -> Any:
    dx, dbeta = code.softmax_backward(dy, x, beta)
    return dx, dbeta


@pytest.mark.parametrize("function", [code.softmax_backward, jax_softmax, "TorchSoftmax", jax_backward, jax_branching,
                                      "torch_forward", as_a_dict, by_name_only],
                         ids=lambda f: getattr(f, "__name__", f))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_kind_of_function_is_called(function: Any, dtype: str) -> None:
    answer = called(in_torch(function), dtype=dtype)
    dx, dbeta = right()
    tolerance = 1e-14 if dtype == "float64" else 1e-6              # a few roundings of numbers below 1
    assert not answer.error
    assert answer.dtypes["x_bar"] == dtype and answer.shapes["x_bar"] == (3,)
    assert np.abs(answer.values["x_bar"] - dx).max() < tolerance
    assert abs(answer.values.get("beta_bar", dbeta) - dbeta) < tolerance


def test_a_pair_hands_on_its_cache() -> None:
    def forward(x: Any, beta: Any) -> Any:
        y = code.softmax(x, beta)
        return y, y, beta

    def backward(dout: Any, y_saved: Any, inverse: Any) -> Any:
        return inverse * y_saved * ((dout * y_saved).sum() - dout)

    answer = called(backward, forward, returns=("x",))
    assert not answer.error
    assert np.array_equal(answer.values["x_bar"], right()[0])
    assert np.array_equal(answer.values["y"], code.softmax(HERE["x"], 0.5))


@pytest.mark.parametrize("function, error", [
    (lambda dy, x, beta: 1 / 0, "ZeroDivisionError: division by zero (line "),
    (lambda dy, x, beta: None, "for x_bar it returns None, not an array of real numbers"),
    (lambda dy, x, beta: "no", "for x_bar it returns a str of dtype <U2, not an array of real numbers"),
    (lambda dy, x, beta: x * 1j, "for x_bar it returns a ndarray of dtype complex128, not an array of real numbers"),
    (lambda dy, x, beta: (x, x, x), "it returns 3 results, not 2: the gradients by x, beta"),
    (lambda dy, x, beta: {"foo": x}, "it returns a dict with the keys foo, of which none names a gradient"),
    (lambda dy, x, beta: exit(3), "SystemExit: 3"),
])
def test_whatever_a_function_does_is_in_the_answer(function: Any, error: str) -> None:
    functions = {"backward": function}
    known = replace(describe(function), returned=("",))
    answer = Engine(functions, plan(load("softmax_temperature"), {"backward": known}))(HERE)
    assert answer.error.startswith(error) and not answer.values


def test_a_forward_pass_without_a_result_is_not_accepted() -> None:
    (found,) = check("relu", forward=lambda X: {"Z": X}, examples=EXAMPLES).findings
    assert found.why == "it returns a dict with the keys Z, of which none is Y"
    (found,) = check("relu", backward=lambda dout, x: None, examples=EXAMPLES).findings
    assert found.property == "returns"


def test_a_changed_input_is_seen_and_stays_ours() -> None:
    def backward(dy: Any, x: Any, beta: Any) -> Any:
        x -= x.max()
        return x

    assert called(backward).mutated == ("x",)
    assert HERE["x"][0] == 1.0


@pytest.mark.parametrize("function", [code.softmax_backward, jax_softmax, "TorchSoftmax", by_name_only],
                         ids=lambda f: getattr(f, "__name__", f))
def test_a_description_is_json(function: Any) -> None:
    found = describe(in_torch(function))
    assert Description.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_an_autograd_function_of_torch_is_tried_as_a_whole() -> None:
    assert not tried("softmax_temperature", in_torch("TorchSoftmax"))
    found = tried("softmax_temperature", in_torch("TorchSoftmaxOfTheOtherSign"))
    assert found.keys() == {"gradient by x"}
    assert found["gradient by x"].mistake == "a sign is wrong: of the whole"


@pytest.mark.parametrize("name", ["softmax_temperature", "elastic_net"])
def test_autodiff_of_a_reference_has_every_property(name: str) -> None:
    problem = load(name)
    report = check(problem, forward=problem.reference, framework="jax", examples=20)
    assert report.ok, report


# -------------------------------------------------------------------------------------------------------- strategies


@pytest.mark.parametrize("name", names())
def test_the_simplest_example_is_of_ones_and_zeros(name: str) -> None:
    problem = load(name)
    found = find(inputs(problem), lambda _: True)
    assert all(form.at(found.sizes) >= 0 for form in problem.constraints)
    for tensor in (*problem.inputs, *given_cotangents(problem)):
        assert found[tensor.name].shape == tuple(n.at(found.sizes) for n in tensor.shape)
        assert set(np.unique(found[tensor.name])) <= {0.0, 0.5, 1.0}


def test_an_example_shows_how_it_is_made() -> None:
    found = find(inputs("softmax_temperature"), lambda one: one.sizes["n"] >= 2 and one["x"][1] > 0)
    assert repr(found) == ("Example(sizes={'n': 2}, arrays={'x': np.array([0.0, 1.0]), 'beta': np.array(1.0), "
                           "'y_bar': np.array([0.0, 0.0])})")
    assert eval(repr(found), {"Example": Example, "np": np}) == found


def test_an_example_of_another_dtype() -> None:
    found = find(inputs("relu", dtype=np.float32), lambda one: bool((one["X"] == 2).any()))
    assert found["X"].dtype == found["Y_bar"].dtype == np.float32
    assert "dtype=np.float32" in repr(found)


@settings(max_examples=50)
@given(inputs("conv_valid", sizes={"h": 2, "R": 3}))
def test_sizes_may_be_fixed(example: Example) -> None:
    assert example.sizes["h"] == 2 and example["X"].shape[2] == 3


def test_sizes_that_an_exercise_forbids_are_refused() -> None:
    with pytest.raises(DerivsError, match="these sizes break what the exercise says of them"):
        inputs("conv_valid", sizes={"h": 3, "R": 2})
    with pytest.raises(DerivsError, match="the exercise has no size q"):
        inputs("relu", sizes={"q": 2})


@settings(max_examples=50)
@given(st.data())
def test_strategies_compose(data: st.DataObject) -> None:
    chosen = data.draw(sizes("softmax_temperature").filter(lambda found: found["n"] > 1))
    example = data.draw(inputs("softmax_temperature", sizes=chosen, cotangents=False))
    above = data.draw(cotangents("softmax_temperature", sizes=chosen).map(lambda one: one["y_bar"]))
    assert "y_bar" not in example.arrays and above.shape == example["x"].shape == (chosen["n"],)


def test_values_that_matter_are_drawn() -> None:
    for wanted in (lambda x: x.size > 1 and np.ptp(x) == 0 and x[0] != 0,                       # all equal
                   lambda x: x.size > 2 and np.sort(np.abs(x))[-1] > 500 * np.sort(np.abs(x))[-2] > 0,  # one outlier
                   lambda x: x.size > 1 and 0 < np.ptp(x) < 1e-9,                               # almost equal
                   lambda x: np.abs(x).max() > 1e30):                                           # extreme
        find(inputs("softmax_temperature"), lambda one, wanted=wanted: bool(wanted(one["x"])),
             settings=settings(max_examples=4000))


def test_labels_sum_to_one_where_a_target_takes_them_to() -> None:
    @settings(max_examples=50)
    @given(inputs("softmax_cross_entropy"))
    def each(example: Example) -> None:
        assert example["t"].sum() == 1
    each()


def test_hypothesis_knows_an_exercise_by_its_type() -> None:
    from derivs.testing.hook import register
    register()

    @settings(max_examples=3)
    @given(st.from_type(Problem), st.from_type(Example))
    def each(problem: Problem, example: Example) -> None:
        assert problem.name in names() and example.arrays
    each()


# ---------------------------------------------------------------------------------------------------------- the truth


@pytest.mark.parametrize("name", ["batchnorm_affine", "softmax_temperature", "lp_pool", "mlp", "logistic_loss"])
def test_expected_values_are_within_their_bounds(name: str) -> None:
    """The exact value, by ball arithmetic on the forward pass alone, lies within the bound."""
    problem = load(name)
    truth = Truth(problem)

    @settings(max_examples=4)
    @given(inputs(problem))
    def each(example: Example) -> None:
        points = {tensor: array[None] for tensor, array in example.arrays.items()}
        batch = truth.batch(example.sizes, points, blurred=True)
        for tensor in differentiable(problem):
            found = truth.value(bar(tensor), batch)
            at = next(np.ndindex(found.value.shape[1:]))
            exact = exact_value(truth, example.sizes, example.arrays, bar(tensor), at)
            if exact is not None and np.isfinite(found.error[(0, *at)]):
                assert abs(to_float(exact) - found.value[(0, *at)]) <= found.error[(0, *at)] * (1 + 1e-9) + 1e-300
    each()


@pytest.mark.parametrize("name, size", [
    ("linear_batch", "B"), ("conv_valid", "N"), ("relu", "N"), ("batchnorm_affine", "D"), ("softmax_temperature", ""),
    ("batchnorm", ""), ("hinge_loss", ""), ("softmax_cross_entropy", ""),
])
def test_the_batch_axis_is_read_off_the_derivation(name: str, size: str) -> None:
    assert batch_axis(load(name)) == size


def test_a_label_that_need_not_sum_to_one_keeps_its_sum() -> None:
    """x_bar = s Σt - t is right too, where t sums to 1."""
    def backward(x: Any, t: Any) -> Any:
        e = np.exp(x - x.max())
        return e / e.sum() * t.sum() - t

    assert not tried("softmax_cross_entropy", backward)


# -------------------------------------------------------------------------------------------------------------- docs


PAGE = re.findall(r"^```(python)?\n(.*?)^```",
                  (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8"), re.S | re.M)


def test_the_documents_print_what_they_say(tmp_path: Path) -> None:
    """A block of Python prints the block below it. It is run from a file, so that sources can be read."""
    said, space = "", dict[str, Any]()
    for k, (language, text) in enumerate(PAGE):
        if language:
            path = tmp_path / f"block{k}.py"
            path.write_text(text, encoding="utf-8")
            with redirect_stdout(io.StringIO()) as printed:
                exec(compile(text, str(path), "exec"), space)
            said = printed.getvalue()
        else:
            assert said == text
    assert len(PAGE) == 7
