"""envkit provisions AI development environments: detect, resolve, explain, build, start, prove."""

__version__ = "0.1.0"
