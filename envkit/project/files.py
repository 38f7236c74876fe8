"""Reading files that a user or a repository names: whatever lies there, reading it ends, and soon."""

import os
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from envkit.errors import DataError, UnsafeTextError
from envkit.model.text import unsafe_character

LIMIT_BYTES = 4 * 1024 * 1024  # locks of other tools are larger than what people write


def read_file(path: str, *, limit: int = LIMIT_BYTES) -> str:
    """Return the text of a regular file; raises `DataError` for anything else that has the name.

    A pipe would block, a device never end: both are told apart before a byte is read. `limit` is in bytes.
    """
    try:
        # Without O_NONBLOCK opening a pipe waits for somebody who writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        message = f"cannot read the file ({(error.strerror or str(error)).lower()}): {path}"
        raise DataError(message) from error
    except ValueError as error:  # a NUL in the path
        message = f"cannot read the file ({error}): {path!r}"
        raise DataError(message) from error
    # A file object cannot be made of a directory.
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"not a regular file: {path}"
        raise DataError(message)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        message = f"the file is larger than {limit // 1024} KiB: {path}"
        raise DataError(message)
    try:
        # What PowerShell writes when output is redirected into a file, as in `pip freeze > requirements.txt`.
        return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 (byte {error.start}): {path}"
        raise DataError(message) from error


def read_foreign(path: str) -> str:
    """Return the text of another tool's file; raises `DataError` as above, and with the line of unsafe characters."""
    text = read_file(path)
    for number, line in enumerate(text.split("\n"), start=1):
        character = unsafe_character(line.removesuffix("\r"), multiline=True)
        if character is not None:
            message = f"{character} is not allowed in text: {path}:{number}"
            raise UnsafeTextError(message)
    return text
