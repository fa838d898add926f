"""Backward passes in NumPy as somebody writes them who knows how: what exported ones are measured against.

Each takes what the exported one takes: cotangents, if any, and what a forward pass keeps. Where there are two ways of
which now one and now the other is faster, there are two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def batchnorm(dy: Array, cache: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Three terms, with the normalised inputs kept; one array of the batch's size is made, and worked on in place."""
    gamma, sigma, xhat = cache
    dbeta = dy.sum(axis=0)
    dgamma = np.einsum("ni,ni->i", dy, xhat)
    dx = xhat * (dgamma / -len(dy))
    dx += dy
    dx -= dbeta / len(dy)
    dx *= gamma / sigma
    return dx, dgamma, dbeta


def batchnorm_by_products(dy: Array, cache: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """The same with the sum over the batch as a product with ones, which BLAS does."""
    gamma, sigma, xhat = cache
    dbeta = np.ones(len(dy), dy.dtype) @ dy
    dgamma = np.einsum("ni,ni->i", dy, xhat)
    scale = gamma / sigma
    dx = xhat * (dgamma * scale / -len(dy))
    dx += scale * dy
    dx -= dbeta * scale / len(dy)
    return dx, dgamma, dbeta


def cross_entropy(cache: tuple[Array, Array], dloss: float = 1.0) -> Array:
    """Of one softmax, for any labels t."""
    t, s = cache
    dx = s * t.sum()
    dx -= t
    dx *= dloss
    return dx


def softmax_loss(cache: tuple[Array, Array], dloss: float = 1.0) -> Array:
    """(p - t) / N."""
    t, p = cache
    dx = p - t
    dx *= dloss / len(t)
    return dx


def linear(dy: Array, cache: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Two matrix products and a sum."""
    W, x = cache
    return dy.T @ x, dy.sum(axis=0), dy @ W


def linear_by_products(dy: Array, cache: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Three products."""
    W, x = cache
    return dy.T @ x, np.ones(len(dy), dy.dtype) @ dy, dy @ W


def columns(X: Array, h: int, w: int) -> Array:
    """im2col: row (c, u, v), column (n, p, q) has the entry of X that W_cuv meets at Y_npq."""
    N, C, R, S = X.shape
    P, Q = R - h + 1, S - w + 1
    made = np.empty((C, h, w, N, P, Q), X.dtype)
    for u in range(h):
        for v in range(w):
            made[:, u, v] = X[:, :, u:u + P, v:v + Q].transpose(1, 0, 2, 3)
    return made.reshape(C * h * w, N * P * Q)


def convolution(dY: Array, cache: tuple[Array, Array], kept: Array | None = None) -> tuple[Array, Array, Array]:
    """One product for the filters, one for the columns, which are then added up to images. kept: the columns of X."""
    X, W = cache
    N, C, R, S = X.shape
    F, _, h, w = W.shape
    P, Q = R - h + 1, S - w + 1
    rows = dY.transpose(1, 0, 2, 3).reshape(F, N * P * Q)
    dW = (rows @ (columns(X, h, w) if kept is None else kept).T).reshape(W.shape)
    parts = (W.reshape(F, C * h * w).T @ rows).reshape(C, h, w, N, P, Q)
    dX = np.zeros((C, N, R, S), X.dtype)
    for u in range(h):
        for v in range(w):
            dX[:, :, u:u + P, v:v + Q] += parts[:, u, v]
    return dX.transpose(1, 0, 2, 3), dW, dY.sum(axis=(0, 2, 3))


def convolution_by_image(dY: Array, cache: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """The same image by image, whose columns stay in the cache of the processor."""
    X, W = cache
    N, C, R, S = X.shape
    F, _, h, w = W.shape
    P, Q = R - h + 1, S - w + 1
    flat, rows = np.ascontiguousarray(W.reshape(F, C * h * w).T), dY.reshape(N, F, P * Q)
    dX, dW = np.zeros_like(X), np.zeros((F, C * h * w), W.dtype)
    for n in range(N):
        dW += rows[n] @ columns(X[n:n + 1], h, w).T
        parts = (flat @ rows[n]).reshape(C, h, w, P, Q)
        for u in range(h):
            for v in range(w):
                dX[n, :, u:u + P, v:v + Q] += parts[:, u, v]
    return dX, dW.reshape(W.shape), rows.sum(axis=(0, 2))
