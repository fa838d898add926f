"""Readable NumPy, JAX and PyTorch out of a proved derivation."""

from derivs.export.module import Gradient, Module, export
from derivs.export.spellings import TARGETS, Target

__all__ = ["TARGETS", "Gradient", "Module", "Target", "export"]
