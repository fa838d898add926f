"""Classifiers that are trained with exported backward passes alone; docs/classifiers.md walks through them."""
