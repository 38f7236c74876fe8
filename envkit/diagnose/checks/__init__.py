"""Checks, a module per group: each function takes an `Examination` and returns an `Answer`; `CHECKS` lists them."""
