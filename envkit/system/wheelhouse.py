"""Wheels that lie in local wheelhouses, read from their file names alone."""

from pathlib import Path

from envkit.model.availability import LocalWheel
from envkit.model.sources import PackageSources, Setting


def scan_wheelhouses(sources: PackageSources) -> tuple[LocalWheel, ...]:
    """Return the wheels of all wheelhouses that are local directories, in the order of the settings and by name.

    A file whose name is not that of a wheel is passed over, as pip does; so is a page of links, which is not local.
    """
    return tuple(wheel for wheelhouse in sources.wheelhouses for wheel in _scan(wheelhouse))


def _scan(wheelhouse: Setting) -> list[LocalWheel]:
    if "://" in wheelhouse.value:
        return []
    directory = Path(wheelhouse.value)
    wheels = (_read_name(path, wheelhouse.origin) for path in sorted(directory.glob("*.whl")))
    return [wheel for wheel in wheels if wheel is not None]


def _read_name(path: Path, origin: str) -> LocalWheel | None:
    # Imported here: it takes 10 ms that commands which resolve nothing need not spend.
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        package, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        return None
    return LocalWheel(
        package=package,
        version=str(version),
        python_tags=tuple(sorted({tag.interpreter for tag in tags})),
        abi_tags=tuple(sorted({tag.abi for tag in tags})),
        platform_tags=tuple(sorted({tag.platform for tag in tags})),
        path=str(path),
        origin=origin,
    )
