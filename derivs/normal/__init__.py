"""The normal form: decides whether two expressions in index notation are equal for every size.

Read from the bottom up: atoms, context, algebra, labels, sums, translate, zero, readback.
"""
