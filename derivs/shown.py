"""How a noun shows itself in a notebook: as the printers of `derivs.notebook` say, which only then are imported.

Arrows point down only; the two methods here are the one exception, which tests/test_layers.py holds.
"""

from __future__ import annotations


class Shown:
    """IPython's protocol: what a method returns is shown, and where it is None the next plainer form."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        from derivs.notebook import html
        return html(self)

    def _repr_latex_(self) -> str | None:
        from derivs.notebook import latex
        return latex(self)
