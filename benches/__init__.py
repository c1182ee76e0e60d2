"""Comparisons that the documentation is made of: each is a set of sweeps, a table and figures, and can be resumed."""
