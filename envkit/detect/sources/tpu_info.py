"""Google's tpu-info; its parser leaves out what it cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import unread
from envkit.detect.reading import Reading
from envkit.model.host import Device, Runtime

_VENDOR = "google-tpu"
_TOOL = "tpu-info"
LIBRARY_MISSING = "libtpu not found"
_LIBRARY = re.compile(r"^Libtpu version: *(?P<version>\d+(?:\.\w+)+)", re.MULTILINE)
_ROW = re.compile(
    r"^\W*(?P<node>/dev/(?:vfio/|accel)(?P<index>\d{1,3}))\W+(?P<name>TPU ?(?P<chip>v?\d\w*) chip)\b", re.MULTILINE
)


def parse_table(text: str, source: str) -> Reading:
    """Parse `tpu-info`, whatever draws the lines of its table; the newest chip is written without a blank and v.

    Libtpu version: 0.0.13
    │ /dev/vfio/0 │ TPU v6e chip │ 1       │ None │
    │ /dev/vfio/1 │ TPU7x chip   │ 2       │ None │
    """
    library = _LIBRARY.search(text)
    devices = tuple(
        Device(
            vendor=_VENDOR,
            index=int(row["index"]),
            name=row["name"],
            architecture=f"v{row['chip'].removeprefix('v')}",
            nodes=(row["node"],),
        )
        for row in _ROW.finditer(text)
    )
    failure = None if devices else unread(text)
    if LIBRARY_MISSING in text:
        failure = LIBRARY_MISSING
    return Reading(
        source=source,
        devices=devices,
        runtimes=() if library is None else (Runtime(name="libtpu", version=library["version"]),),
        failure=failure,
    )


FORMS = (Form((_TOOL,), parse_table),)
