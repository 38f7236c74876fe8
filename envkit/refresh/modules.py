"""What the Python modules of a wheel say it was built with; they are parsed and never run."""

import ast
from collections.abc import Iterator

from envkit.errors import DataError

_LIMIT_BYTES = 65536


def read_names(source: bytes, place: str) -> dict[str, object]:
    """Return the literals that a module gives names: assignments, mappings, and pairs such as `("cuda", "12.5")`.

    Raises `DataError`, naming `place`, for what is no Python.
    """
    try:
        tree = ast.parse(source[:_LIMIT_BYTES])
        return dict(_pairs(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"not a Python module ({error}): {place}") from error


def _pairs(tree: ast.AST) -> Iterator[tuple[str, object]]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield from _literal(name, value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield from _literal(key.value, value)
            case ast.Tuple(elts=[ast.Constant(value=str(name)), value]):
                yield from _literal(name, value)
            case _:
                continue


def _literal(name: str, node: ast.expr) -> Iterator[tuple[str, object]]:
    match node:
        case ast.Constant(value=value):
            yield name, value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            yield name, [item.value for item in items if isinstance(item, ast.Constant)]
        case _:
            return
