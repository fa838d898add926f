"""Training loss and test accuracy, epoch by epoch, as small multiples: `docs/classifiers.svg`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifiers.runs import Runs

# Two models in a panel. The colour-blind can tell blue from vermilion (Okabe & Ito 2008); in grey the dash does it.
STYLES = ({"color": "#0072B2", "linestyle": "-"}, {"color": "#D55E00", "linestyle": "--"})
PANELS = (("Logistic loss", "logistic", "logistic_2"), ("Hinge loss", "hinge", "hinge_2"),
          ("Softmax", "softmax", "softmax_2"), ("Convolutional", "cnn", "cnn_bn_dropout"))
LABELS = {"logistic": "one layer", "logistic_2": "two layers", "hinge": "one layer", "hinge_2": "two layers",
          "softmax": "one layer", "softmax_2": "two layers", "cnn": "plain", "cnn_bn_dropout": "BN, dropout"}
LEAST = 1e-3                           # hinge loss comes down to 0, which a logarithm has no place for
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "derivs", "font.family": "sans-serif", "font.size": 9,
            "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7}


def draw(trained: Sequence[Runs], path: Path) -> None:
    """Writes the picture; the same curves give the same bytes."""
    by_name = {one.model.name: one for one in trained}
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10, 5), layout="constrained")
        axes = figure.subplots(2, len(PANELS), sharex="col", sharey="row")
        for (title, *names), (above, below) in zip(PANELS, axes.T, strict=True):
            above.set_title(title, fontsize=10)
            below.set_xlabel("epoch")
            for name, style in zip(names, STYLES, strict=True):
                curves = by_name[name].curves
                _band(above, [curve.loss for curve in curves], LABELS[name], style)
                _band(below, [[100 * a for a in curve.test] for curve in curves], LABELS[name], style)
            above.legend(frameon=False, loc="upper right", handlelength=2.4)
        _scales(axes)
        figure.savefig(path, metadata={"Date": None, "Title": "Training loss and test accuracy by epoch"})


def _band(axis: Axes, curves: Sequence[Sequence[float]], label: str, style: dict[str, str]) -> None:
    """The mean over the seeds as a line, their range as a band."""
    values, epochs = np.array(curves), np.arange(1, len(curves[0]) + 1)
    axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    axis.plot(epochs, values.mean(axis=0), label=label, linewidth=1.6, **style)


def _scales(axes: np.ndarray) -> None:
    above, below = axes[0, 0], axes[1, 0]
    above.set_yscale("log")
    above.set_ylim(LEAST, None)
    above.set_ylabel("training loss")
    below.set_ylim(75, 100.5)
    below.set_ylabel("test accuracy, %")
    for axis in axes.flat:
        axis.set_xlim(1, None)
        axis.grid(axis="y", color="#d8d8d8", linewidth=0.6)
        axis.set_axisbelow(True)
