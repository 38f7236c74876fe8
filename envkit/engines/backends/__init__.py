"""Engines, one module each."""
