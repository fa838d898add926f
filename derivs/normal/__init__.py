"""The normal form: decides whether two expressions in index notation are equal for every size.

Read from the bottom up: atoms, ring, context, division, signs, content, lifting, indicators, algebra, labels, bounds,
opening, sums, translate, zero, readback.
"""
