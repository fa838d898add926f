"""Backward passes as people write them in NumPy: the right ones, and beside each the wrong ones of its kind."""

from __future__ import annotations

import numpy as np

# ---- softmax at inverse temperature ----------------------------------------------------------------------------------


def softmax(x, beta):
    z = -beta * x
    e = np.exp(z - z.max())
    return e / e.sum()


def softmax_backward(dy, x, beta):
    y = softmax(x, beta)
    c = (dy * y).sum()
    dx = beta * y * (c - dy)
    dbeta = c * (x * y).sum() - (dy * x * y).sum()
    return dx, dbeta


def softmax_of_the_other_sign(dy, x, beta):
    y = softmax(x, beta)
    return beta * y * (dy - (dy * y).sum())


def softmax_diagonal_only(dy, x, beta):
    y = softmax(x, beta)
    return -beta * y * (1 - y) * dy


def softmax_without_beta(dy, x, beta):
    y = softmax(x, beta)
    return y * ((dy * y).sum() - dy)


def softmax_of_plus_x(dy, x, beta):
    y = softmax(-x, beta)
    return beta * y * ((dy * y).sum() - dy)


def softmax_with_upstream_lost_in_the_sum(dy, x, beta):
    y = softmax(x, beta)
    return beta * y * (y.sum() - dy)


def softmax_unshifted(dy, x, beta):
    e = np.exp(-beta * x)
    y = e / e.sum()
    return beta * y * ((dy * y).sum() - dy)


# ---- batch normalisation ---------------------------------------------------------------------------------------------


def batchnorm_forward(x, gamma, beta, eps):
    mu = x.mean(axis=0)
    sigma = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - mu) / sigma
    return gamma * xhat + beta, (xhat, gamma, sigma)


def batchnorm_backward(dout, cache):
    xhat, gamma, sigma = cache
    m = len(dout)
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dx = gamma / (m * sigma) * (m * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def batchnorm_step_by_step(dy, x, gamma, epsilon):
    """The same by the chain rule through the variance and the mean, as Ioffe & Szegedy (2015) write it."""
    m, mu, var = len(x), x.mean(axis=0), x.var(axis=0)
    dxhat = dy * gamma
    dvar = (dxhat * (x - mu) * -0.5 * (var + epsilon) ** -1.5).sum(axis=0)
    dmu = (-dxhat / np.sqrt(var + epsilon)).sum(axis=0) + dvar * (-2 * (x - mu)).sum(axis=0) / m
    dx = dxhat / np.sqrt(var + epsilon) + dvar * 2 * (x - mu) / m + dmu / m
    return dx


def batchnorm_without_xhat(dout, cache):
    xhat, gamma, sigma = cache
    m = len(dout)
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dx = gamma / (m * sigma) * (m * dout - dbeta)
    return dx, dgamma, dbeta


def batchnorm_without_the_mean(dy, x, gamma, eps):
    m, sigma = len(x), np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / sigma
    return gamma / sigma * (m * dy - dy.sum(axis=0) - xhat * (dy * xhat).sum(axis=0))


def batchnorm_of_the_unbiased_variance(dy, x, gamma, eps):
    m = len(x)
    sigma = np.sqrt(x.var(axis=0, ddof=1 if m > 1 else 0) + eps)
    xhat = (x - x.mean(axis=0)) / sigma
    return gamma / (m * sigma) * (m * dy - dy.sum(axis=0) - xhat * (dy * xhat).sum(axis=0))


def batchnorm_with_its_own_eps(dy, x, gamma):
    return batchnorm_step_by_step(dy, x, gamma, 1e-5)


def batchnorm_with_a_sign_lost(dy, x, gamma, eps):
    m, sigma = len(x), np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / sigma
    return gamma / (m * sigma) * (m * dy - dy.sum(axis=0) + xhat * (dy * xhat).sum(axis=0))


def batchnorm_in_one_pass(x, gamma, beta, eps):
    """Mean square minus squared mean: right, and inaccurate where the mean is large."""
    mu = x.mean(axis=0)
    sigma = np.sqrt((x ** 2).mean(axis=0) - mu ** 2 + eps)
    xhat = (x - mu) / sigma
    return gamma * xhat + beta, (xhat, gamma, sigma)


# ---- a linear layer on a batch ---------------------------------------------------------------------------------------


def linear_backward(dy, x, W):
    dx = dy @ W
    dW = dy.T @ x
    db = dy.sum(axis=0)
    return dx, dW, db


def linear_transposed(dy, x, W):
    dx = dy @ W
    dW = x.T @ dy
    db = dy.sum(axis=0)
    return dx, dW, db


def linear_without_the_batch_sum(dy, x, W):
    dx, dW, db = dy @ W, dy.T @ x, dy
    return dx, dW, db


def linear_mean(dy, x, W):
    dx, dW, db = dy @ W, dy.T @ x / len(x), dy.mean(axis=0)
    return dx, dW, db


def linear_mixing_rows(dy, x, W):
    dx = dy @ W - (dy @ W).mean(axis=0)
    dW, db = dy.T @ x, dy.sum(axis=0)
    return dx, dW, db


# ---- valid convolution -----------------------------------------------------------------------------------------------


def conv_backward(dY, X, W):
    dX, dW = np.zeros_like(X), np.zeros_like(W)
    (_, _, P, Q), (_, _, h, w) = dY.shape, W.shape
    for u in range(h):
        for v in range(w):
            dX[:, :, u:u + P, v:v + Q] += np.einsum("nfpq,fc->ncpq", dY, W[:, :, u, v])
            dW[:, :, u, v] = np.einsum("nfpq,ncpq->fc", dY, X[:, :, u:u + P, v:v + Q])
    db = dY.sum(axis=(0, 2, 3))
    return dX, dW, db


def conv_of_a_flipped_kernel(dY, X, W):
    dX, _, _ = conv_backward(dY, X, W[:, :, ::-1, ::-1])
    _, dW, db = conv_backward(dY, X, W)
    return dX, dW, db


def conv_of_one_filter(dY, X, W):
    dX, _, _ = conv_backward(dY[:, :1], X, W[:1])
    _, dW, db = conv_backward(dY, X, W)
    return dX, dW, db


# ---- ReLU and sigmoid ------------------------------------------------------------------------------------------------


def relu_backward(dout, x):
    return dout * (x > 0)


def relu_of_zero_too(dout, x):
    return dout * (x >= 0)


def hinge_backward(w, b, x, t):
    return _hinge(w, x, t, t * (x @ w + b) < 1)


def hinge_of_the_kink_too(w, b, x, t):
    return _hinge(w, x, t, t * (x @ w + b) <= 1)


def _hinge(w, x, t, violated):
    ds = -t * violated / len(t)
    return ds @ x, ds.sum(), np.outer(ds, w)


def relu_doubled(dout, x):
    return 2 * dout * (x > 0)


def relu_without_upstream(dout, x):
    return (x > 0).astype(dout.dtype)


def relu_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


def relu_in_float64(dout, x):
    return dout.astype(np.float64) * (x > 0)


def relu_clipped(dout, x):
    return np.clip(dout, -1, 1) * (x > 0)


def relu_of_large_x_lost(dout, x):
    if np.abs(x).max() > 1e3:
        raise OverflowError("x is too large")
    return dout * (x > 0)


class Forgetful:
    """A backward pass whose every second call returns nothing but zeros."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, dout, x):
        self.calls += 1
        return dout * (x > 0) * (self.calls % 2)


def sigmoid_backward(dy, y):
    return dy * y * (1 - y)


def sigmoid_of_tanh(dy, y):
    return dy * (1 - y ** 2)


# ---- cross-entropy of a softmax --------------------------------------------------------------------------------------


def cross_entropy_backward(logits, labels):
    e = np.exp(logits - logits.max())
    return e / e.sum() - labels


def cross_entropy_divided_by_classes(logits, labels):
    return cross_entropy_backward(logits, labels) / len(labels)


def cross_entropy_without_labels(logits, labels):
    e = np.exp(logits - logits.max())
    return e / e.sum()


# ---- a quadratic form ------------------------------------------------------------------------------------------------


def bilinear_backward(x, y, A, B):
    return A @ y + (B + B.T) @ x / 2


def bilinear_of_a_symmetric_matrix(x, y, A, B):
    return A @ y + B @ x
