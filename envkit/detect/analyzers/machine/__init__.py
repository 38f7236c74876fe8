"""Analyzers of the machine, whatever devices it has."""
