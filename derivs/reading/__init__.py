"""From an author's LaTeX to the claims in it: tokens, syntax, names, meaning. Nothing here judges."""
