"""The single changes of a written formula that may mend it: what a person could have meant instead.

`places` goes through a formula, `table` has a row for each mistake; the other modules are the rows.
"""
