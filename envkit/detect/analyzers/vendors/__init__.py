"""Analyzers that only matter where devices of one vendor are: a module bears the name of the vendor's data file."""
