"""Identities that must be decided, each beside its nearest false neighbour."""

from __future__ import annotations

import pytest
from words import *

from derivs.derive import Graph
from derivs.differentiate import differentiate
from derivs.expr import Compare, Indicator, Largest
from derivs.normal.context import Context
from derivs.normal.translate import Translator
from derivs.normal.zero import is_zero
from derivs.prove import Equal, NotShown, prove

TENSORS = declare(T("x", "m"), T("z", "m"), T("Y", "m", "m"), T("a"), T("b"), T("c"), T("v", props="positive"))
RANGES = [V(k) - 1 for k in "ijkm"] + [V("m") - V(k) for k in "ijk"]


def equal(left: Expr, right: Expr) -> bool:
    context = Context(TENSORS, RANGES)
    translator = Translator(Context(TENSORS, [V("m") - 1]))
    return is_zero(context, translator.form(context, subtract(left, right)))


a, b, c, v = E("a"), E("b"), E("c"), E("v")
m = N("m")
one, two = N(1), N(2)


def x(k): return E("x", k)
def mean(body, k="k"): return divide(S(k, "m", body), m)
def softmax(i): return divide(exp(x(i)), S("k", "m", exp(x("k"))))
def tanh(u): return apply("tanh", u)
def relu(u): return apply("relu", u)
def larger(p, q): return apply("max", p, q)
def smaller(p, q): return apply("min", p, q)


mu = mean(x("k"))
var = mean(power(subtract(x("l"), mu), 2), "l")
def xhat(k): return divide(subtract(x(k), mu), sqrt(var))


DECIDED = {
    "s(1-s) = e^-x/(1+e^-x)^2": (mul(sigmoid(a), subtract(one, sigmoid(a))),
                                 divide(exp(negate(a)), power(add(one, exp(negate(a))), 2)),
                                 divide(exp(negate(a)), power(add(one, exp(a)), 2))),
    "1/(1+a) + a/(1+a) = 1": (add(divide(one, add(one, a)), divide(a, add(one, a))), one, a),
    "E[(x-mu)^2] = E[x^2] - mu^2": (var, subtract(mean(power(x("k"), 2)), power(mu, 2)), mean(power(x("k"), 2))),
    "e^(a+b) = e^a e^b": (exp(add(a, b)), mul(exp(a), exp(b)), add(exp(a), exp(b))),
    "max + min = a + b": (add(larger(a, b), smaller(a, b)), add(a, b), larger(a, b)),
    "relu(a) - relu(-a) = a": (subtract(relu(a), relu(negate(a))), a, relu(a)),
    "sum softmax = 1": (S("i", "m", softmax("i")), one, m),
    "sum xhat^2 = m": (S("i", "m", power(xhat("i"), 2)), m, one),
    "sigma(-x) = 1 - sigma(x)": (sigmoid(negate(a)), subtract(one, sigmoid(a)), negate(sigmoid(a))),
    "tanh x = 2 sigma(2x) - 1": (tanh(a), subtract(mul(two, sigmoid(mul(two, a))), one),
                                 subtract(mul(two, sigmoid(a)), one)),
    "sum (x - mu) = 0": (S("i", "m", subtract(x("i"), mu)), N(0), mu),
    "sqrt(a a) = |a|": (sqrt(mul(a, a)), apply("abs", a), a),
    "sum s_i + sum (1 - s_i) = m": (add(S("i", "m", sigmoid(x("i"))), S("i", "m", subtract(one, sigmoid(x("i"))))), m,
                                    one),
    "sum of a partial range": (S("k", "m", x("k")), add(S("k", 2, "m", x("k")), x(1)), S("k", 2, "m", x("k"))),
    "exp in a partial range": (S("k", "m", exp(x("k"))), add(S("k", V("m") - 1, exp(x("k"))), exp(E("x", "m"))),
                               S("k", V("m") - 1, exp(x("k")))),
    "renamed": (S("k", "m", "l", "m", E("Y", "k", "l")), S("i'", "m", "k", "m", E("Y", "k", "i'")),
                S("k", "m", E("Y", "k", "k"))),
    "square of a sum": (power(S("k", "m", x("k")), 2), S("k", "m", "l", "m", mul(x("k"), x("l"))),
                        S("k", "m", power(x("k"), 2))),
    "sum of k": (S("k", "m", N("k")), divide(mul(m, add(m, one)), two), mul(m, m)),
    "sifted": (S("k", "m", mul(d("k", "i"), x("k"))), x("i"), S("k", "m", x("k"))),
    "delta substitutes": (mul(d("i", "j"), x("i")), mul(d("i", "j"), x("j")), x("i")),
    "delta squared": (power(d("i", "j"), 2), d("i", "j"), one),
    "log of a product": (log(mul(exp(a), v)), add(a, log(v)), add(a, v)),
    "row sums cancel": (S("i", "m", divide(S("j", "m", E("Y", "i", "j")), S("j", "m", E("Y", "i", "j")))), m, one),
    "trace is cyclic": (S("i", "m", "j", "m", "k", "m", mul(E("Y", "i", "j"), E("Y", "j", "k"), E("Y", "k", "i"))),
                        S("i", "m", "j", "m", "k", "m", mul(E("Y", "k", "j"), E("Y", "i", "k"), E("Y", "j", "i"))),
                        S("i", "m", "j", "m", "k", "m", mul(E("Y", "i", "j"), E("Y", "j", "k"), E("Y", "i", "k")))),
    "tanh inside a sum": (S("i", "m", power(tanh(x("i")), 2)),
                          S("i", "m", subtract(one, mul(N(4), sigmoid(mul(two, x("i"))),
                                                        subtract(one, sigmoid(mul(two, x("i"))))))),
                          S("i", "m", subtract(one, mul(sigmoid(mul(two, x("i"))),
                                                        subtract(one, sigmoid(mul(two, x("i")))))))),
    "difference of squares": (divide(mul(two, b), subtract(power(a, 2), power(b, 2))),
                              subtract(divide(one, subtract(a, b)), divide(one, add(a, b))),
                              add(divide(one, subtract(a, b)), divide(one, add(a, b)))),
    "softplus": (apply("softplus", a), add(a, apply("softplus", negate(a))), a),
    "leaky relu": (apply("leaky_relu", a, b), add(mul(b, a), mul(subtract(one, b), relu(a))), relu(a)),
    "max inside exp": (exp(larger(a, b)), larger(exp(a), exp(b)), exp(a)),
    "sigmoid is monotone": (Indicator(Compare("<", sigmoid(b), sigmoid(a))), Indicator(Compare("<", b, a)),
                            Indicator(Compare("<", a, b))),
    "columns before rows": (S("j", "m", "i", "m", divide(E("Y", "i", "j"), S("l", "m", E("Y", "i", "l")))), m, one),
    "erf is odd": (apply("erf", subtract(a, b)), negate(apply("erf", subtract(b, a))), apply("erf", subtract(b, a))),
    "erf's slope": (differentiate(apply("erf", a), E("a")),
                    divide(mul(two, exp(negate(power(a, 2)))), sqrt(apply("pi"))), exp(negate(power(a, 2)))),
    "log of numbers": (log(N(6)), add(log(two), log(N(3))), log(N(5))),
    "root of a number": (sqrt(N(8)), mul(two, sqrt(two)), mul(N(4), sqrt(two))),
    "erf of equal arguments": (apply("erf", divide(one, add(one, exp(a)))),
                               apply("erf", divide(exp(negate(a)), add(one, exp(negate(a))))), apply("erf", a)),
    "maximum renamed": (Largest("k", V(1), V("m"), x("k")), Largest("l", V(1), V("m"), x("l")),
                        Largest("l", V(1), V("m"), E("z", "l"))),
    "softmax ignores its maximum": (softmax("i"), divide(
        exp(subtract(x("i"), Largest("k", V(1), V("m"), x("k")))),
        S("l", "m", exp(subtract(x("l"), Largest("k", V(1), V("m"), x("k")))))), exp(x("i"))),
    "a maximum inside a sum": (
        S("i", "m", power(Largest("k", V(1), V("m"), E("Y", "i", "k")), 2)),
        S("j", "m", mul(Largest("l", V(1), V("m"), E("Y", "j", "l")), Largest("k", V(1), V("m"), E("Y", "j", "k")))),
        power(S("i", "m", Largest("k", V(1), V("m"), E("Y", "i", "k"))), 2)),
    "scaled root": (sqrt(mul(N(4), add(v, one))), mul(two, sqrt(add(v, one))), sqrt(add(v, one))),
    "root of a square in front": (sqrt(mul(v, power(a, 2))), mul(apply("abs", a), sqrt(v)), mul(a, sqrt(v))),
}


@pytest.mark.parametrize("name", DECIDED)
def test_decided(name: str) -> None:
    left, right, _ = DECIDED[name]
    assert equal(left, right)


@pytest.mark.parametrize("name", DECIDED)
def test_its_false_neighbour_is_not(name: str) -> None:
    left, _, wrong = DECIDED[name]
    assert not equal(left, wrong)


@pytest.mark.parametrize("name", [n for n in DECIDED if n != "sum (x - mu) = 0"])
def test_doubled(name: str) -> None:
    """The control: what is accepted is refused when one side is doubled."""
    left, right, _ = DECIDED[name]
    assert not equal(mul(two, left), right)
    assert not equal(left, mul(two, right))


def test_third_derivative_of_log_sum_exp() -> None:
    """kappa_ijk = s_i d_ij d_ik - s_i s_k d_ij - s_i s_j d_ik - s_i s_j d_jk + 2 s_i s_j s_k."""
    f = log(S("p", "m", exp(x("p"))))
    third = differentiate(differentiate(differentiate(f, x("i")), x("j")), x("k"))
    si, sj, sk = softmax("i"), softmax("j"), softmax("k")
    known = add(mul(si, d("i", "j"), d("i", "k")), negate(mul(si, sk, d("i", "j"))), negate(mul(si, sj, d("i", "k"))),
                negate(mul(si, sj, d("j", "k"))), mul(two, si, sj, sk))
    assert equal(third, known)
    assert not equal(third, add(known, mul(si, sj, sk)))
    assert not equal(third, mul(two, known))


def attention():  # type: ignore[no-untyped-def]
    """O = softmax(Q K^T / sqrt d) V."""
    scores = Definition("A", ("a", "b"), divide(S("c", "d", mul(E("Q", "a", "c"), E("K", "b", "c"))), sqrt(N("d"))))
    weights = Definition("P", ("a", "b"), divide(exp(E("A", "a", "b")), S("k", "n", exp(E("A", "a", "k")))))
    out = Definition("O", ("a", "e"), S("b", "n", mul(E("P", "a", "b"), E("U", "b", "e"))))
    tensors = declare(T("Q", "m", "d"), T("K", "n", "d"), T("U", "n", "h"), T("A", "m", "n", role="node"),
                      T("P", "m", "n", role="node"), T("O", "m", "h", role="node"))
    return problem("attention", tensors, scores, weights, out, outputs=("O",))


def test_attention_by_q() -> None:
    """dQ_ac = 1/sqrt d  sum_b P_ab (sum_e g_ae U_be - sum_e g_ae O_ae) K_bc."""
    g = E("O_bar", "a", "e")
    inner = subtract(S("e", "h", mul(g, E("U", "b", "e"))), S("e", "h", mul(g, E("O", "a", "e"))))
    right = divide(S("b", "n", mul(E("P", "a", "b"), inner, E("K", "b", "c"))), sqrt(N("d")))
    claim = Claim(D("E", E("Q", "a", "c")), right)
    assert prove(Graph(attention()), claim) == Equal()
    assert isinstance(prove(Graph(attention()), Claim(claim.left, mul(two, right))), NotShown)
    wrong = divide(S("b", "n", mul(E("P", "a", "b"), inner, E("K", "b", "c"))), N("d"))
    assert isinstance(prove(Graph(attention()), Claim(claim.left, wrong)), NotShown)


def layer_norm(root_mean_square: bool):  # type: ignore[no-untyped-def]
    """y_ai = gamma_i (x_ai - mu_a) / sigma_a + beta_i over d features; without mu and beta for RMSNorm."""
    x_ai = E("x", "a", "i")
    centred = x_ai if root_mean_square else subtract(x_ai, E("mu", "a"))
    square = S("i", "d", power(centred, 2))
    nodes = [Definition("mu", ("a",), divide(S("i", "d", x_ai), N("d")))] * (not root_mean_square)
    nodes += [Definition("sigma", ("a",), sqrt(add(divide(square, N("d")), E("eps")))),
              Definition("xhat", ("a", "i"), divide(centred, E("sigma", "a"))),
              Definition("y", ("a", "i"), mul(E("gamma", "i"), E("xhat", "a", "i")))]
    tensors = declare(T("x", "n", "d"), T("gamma", "d"), T("eps", props="positive"), T("mu", "n", role="node"),
                      T("sigma", "n", role="node", props="positive"), T("xhat", "n", "d", role="node"),
                      T("y", "n", "d", role="node"))
    return problem("norm", tensors, *nodes)


@pytest.mark.parametrize("rms", [False, True])
def test_layer_norm_and_rms_norm_with_gain(rms: bool) -> None:
    """dx_ai = 1/(d sigma_a) (d h_ai - sum_j h_aj - xhat_ai sum_j h_aj xhat_aj), h = g gamma; RMSNorm: no middle."""
    def h(j): return mul(E("y_bar", "a", j), E("gamma", j))
    middle = N(0) if rms else negate(S("j", "d", h("j")))
    inner = add(mul(N("d"), h("i")), middle,
                negate(mul(E("xhat", "a", "i"), S("j", "d", mul(h("j"), E("xhat", "a", "j"))))))
    right = divide(inner, mul(N("d"), E("sigma", "a")))
    graph = Graph(layer_norm(rms))
    claim = Claim(D("E", E("x", "a", "i")), right)
    assert prove(graph, claim) == Equal()
    assert isinstance(prove(graph, Claim(claim.left, mul(two, right))), NotShown)
    assert isinstance(prove(Graph(layer_norm(not rms)), claim), NotShown)
