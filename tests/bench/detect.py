"""How long `envkit detect` takes: `python tests/bench/detect.py`, or `nox -s bench`. Nothing here passes or fails."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from envkit.data import load_document
from envkit.detect import detect_host
from envkit.detect.recorded import RecordedHost, record_host
from envkit.detect.situation import analyze_host
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
EIGHT = ("nvidia-dgx-h100", "ubuntu-amd-mi300x")  # eight devices beside four switches; partitions and tools
ROUNDS = 20


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> str:
    """Return the median and the slowest of some rounds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(times):6.1f} ms, slowest {max(times):6.1f} ms"


def process(*arguments: str) -> Callable[[], object]:
    """Return how to run a whole process."""
    return lambda: subprocess.run(arguments, check=True, capture_output=True)


def main() -> None:
    """Print one line per measurement."""
    command = str(Path(sys.executable).with_name("envkit"))
    lines = {
        "python -c pass": milliseconds(process(sys.executable, "-c", "pass")),
        "envkit --version": milliseconds(process(command, "--version")),
        "envkit detect (this machine)": milliseconds(process(command, "detect")),
    }
    for name in EIGHT:
        folder = HOSTS / name
        document = load_document((folder / "host.yaml").read_text(), name)
        assert isinstance(document, dict)
        made = record_host(FolderHost(folder, document["recordings"]), data_directory="/x")
        host = RecordedHost(made.recording)
        lines[f"detect_host, {name}, warm"] = milliseconds(lambda host=host: detect_host(host, data_directory="/x"))
        lines[f"analyzers alone, {name}"] = milliseconds(
            lambda host=host, facts=made.facts: analyze_host(host, facts)  # type: ignore[misc]
        )
        lines[f"envkit detect --replay {name}"] = milliseconds(process(command, "detect", "--replay", str(folder)))
    for label, figures in lines.items():
        sys.stdout.write(f"{label:<48} {figures}\n")


if __name__ == "__main__":
    main()
