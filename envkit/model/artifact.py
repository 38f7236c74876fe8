"""Generated files."""

from envkit.model.value import Value


class GeneratedFile(Value):
    """One file of an output, relative to its directory."""

    path: str
    text: str
    executable: bool = False


class Artifacts(Value):
    """The files of one output format."""

    output: str  # dockerfile | …
    files: tuple[GeneratedFile, ...]

    def text(self, path: str) -> str:
        """Return one file's text; raises `KeyError` when the output has no such file."""
        for file in self.files:
            if file.path == path:
                return file.text
        raise KeyError(path)
