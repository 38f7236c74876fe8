"""The one command of development: `nox` runs every check; `nox -s NAME` one of them.

The sessions run in the environment that `install.sh --dev` made, so that nothing is installed twice.
"""

import os
import sys
from pathlib import Path

import nox

# Tools stand beside this Python, whether or not its environment is activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["format", "lint", "types", "contracts", "scripts", "generated", "tests"]

SCRIPTS = ("install.sh", ".ci/run", ".ci/engine", ".ci/npm", ".ci/quadlet")


@nox.session
def format(session: nox.Session) -> None:  # noqa: A001 - the name that is typed
    """Check the formatting; repair it with `ruff format`."""
    session.run("ruff", "format", "--check", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Lint."""
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    session.run("mypy")


@nox.session
def contracts(session: nox.Session) -> None:
    """Check who imports whom."""
    session.run("lint-imports", "--no-cache")


@nox.session
def scripts(session: nox.Session) -> None:
    """Check the shell scripts."""
    session.run("shellcheck", *SCRIPTS)


@nox.session
def generated(session: nox.Session) -> None:
    """Check that generated documents are up to date; repair them with `nox -s generate`."""
    session.run("python", "docs/generate.py", "--check")


@nox.session
def generate(session: nox.Session) -> None:
    """Write the generated documents."""
    session.run("python", "docs/generate.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, with coverage, one process for each core; what follows `--` goes to pytest."""
    session.run("coverage", "erase")
    pytest = ("python", "-m", "pytest", "--cov", "--cov-append", "--cov-report=", *session.posargs)
    none_selected = 5
    parallel = ("--numprocesses=auto", "--dist=loadgroup")
    session.run(*pytest, *parallel, success_codes=[0, none_selected])
    session.run(*pytest, "--alone", success_codes=[0, none_selected])
    session.run("coverage", "report", "--skip-covered", "--format=total")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure how long things take; nothing here passes or fails."""
    for script in sorted(Path("tests/bench").glob("*.py")):
        session.run("python", str(script))
