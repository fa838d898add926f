"""How NumPy, JAX and PyTorch spell an operation, a row each, and what a spelling needs at the top of a module."""

from __future__ import annotations

from typing import Literal

Target = Literal["numpy", "jax", "torch"]
TARGETS: tuple[Target, ...] = ("numpy", "jax", "torch")
MODULE = {"numpy": "np", "jax": "jnp", "torch": "torch"}

FUNCTIONS: dict[str, tuple[str, str, str]] = {       # NumPy, JAX, PyTorch; {0}, {1} are the arguments
    "exp": ("np.exp({0})", "jnp.exp({0})", "torch.exp({0})"),
    "log": ("np.log({0})", "jnp.log({0})", "torch.log({0})"),
    "sqrt": ("np.sqrt({0})", "jnp.sqrt({0})", "torch.sqrt({0})"),
    "sin": ("np.sin({0})", "jnp.sin({0})", "torch.sin({0})"),
    "cos": ("np.cos({0})", "jnp.cos({0})", "torch.cos({0})"),
    "sinh": ("np.sinh({0})", "jnp.sinh({0})", "torch.sinh({0})"),
    "cosh": ("np.cosh({0})", "jnp.cosh({0})", "torch.cosh({0})"),
    "tanh": ("np.tanh({0})", "jnp.tanh({0})", "torch.tanh({0})"),
    "erf": ("erf({0})", "jax.scipy.special.erf({0})", "torch.erf({0})"),
    "sigmoid": ("_sigmoid({0})", "jax.nn.sigmoid({0})", "torch.sigmoid({0})"),
    # PyTorch's softplus is linear from 20 on, which is off by 2e-9 there.
    "softplus": ("np.logaddexp(0, {0})", "jax.nn.softplus({0})", "-torch.nn.functional.logsigmoid(-({0}))"),
    "relu": ("np.maximum({0}, 0)", "jnp.maximum({0}, 0)", "torch.clamp({0}, min=0)"),
    "abs": ("np.abs({0})", "jnp.abs({0})", "torch.abs({0})"),
    "sign": ("np.sign({0})", "jnp.sign({0})", "torch.sign({0})"),
    "max": ("np.maximum({0}, {1})", "jnp.maximum({0}, {1})", "torch.maximum({0}, {1})"),
    "min": ("np.minimum({0}, {1})", "jnp.minimum({0}, {1})", "torch.minimum({0}, {1})"),
    "where": ("np.where({0}, {1}, {2})", "jnp.where({0}, {1}, {2})", "torch.where({0}, {1}, {2})"),
}
COMPARISONS = {"<": "<", "<=": "<=", "=": "==", "!=": "!="}
TURNED = {"<": ">", "<=": ">=", "=": "==", "!=": "!="}
METHODS = {                            # reductions as methods: NumPy and JAX, PyTorch
    "sum": ("sum", "sum"), "mean": ("mean", "mean"), "max": ("max", "amax"),
}
SIGMOID = '''def _sigmoid(u):
    """1 / (1 + e^-u): the exponent is never positive, so nothing overflows."""
    e = np.exp(-np.abs(u))
    return np.where(u >= 0, 1, e) / (1 + e)
'''
WINDOWS = '''def _windows(x, size, axis, step=1, dilation=1):
    """x[..., step * i + dilation * k, ...]: i takes the place of the axis, k = 0, ..., size - 1 is the last one."""
    count = (x.shape[axis] - dilation * (size - 1) - 1) // step + 1
    at = step * jnp.arange(count)[:, None] + dilation * jnp.arange(size)
    return jnp.moveaxis(jnp.take(x, at, axis=axis), axis + 1, -1)
'''

HELPERS: tuple[tuple[str, Target, str], ...] = (       # what it is called, for which library, the code
    ("sigmoid", "numpy", SIGMOID),
    ("windows", "jax", WINDOWS),
)
IMPORTS: tuple[tuple[str, Target, str], ...] = (       # for what ("": always), for which library, the line
    ("", "numpy", "import numpy as np"),
    ("sliding_window_view", "numpy", "from numpy.lib.stride_tricks import sliding_window_view"),
    ("erf", "numpy", "from scipy.special import erf"),
    ("", "jax", "import jax"),
    ("", "jax", "import jax.numpy as jnp"),
    ("", "torch", "import torch"),
)
