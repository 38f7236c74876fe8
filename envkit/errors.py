"""Every failure that envkit reports: a code, an exit status, one sentence, the facts behind it, hints to paste.

The docstring of each class is its page in `envkit explain` and in the docs: what happened, why, what to do.
Codes are `EK`, the exit status in two digits, and a number within it.
"""

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    UNSATISFIABLE = 3
    NOT_READY = 4
    BUILD_FAILED = 5
    RUN_FAILED = 6
    VERIFY_FAILED = 7
    BAD_DATA = 8
    NETWORK = 9
    CHANGES = 10
    INTERRUPTED = 130


class EnvkitError(Exception):
    """A failure that a user can act on.

    `facts` are the observations that made it so, each with where it was read; `hints` are what helps.
    """

    code: ClassVar[str] = "EK0101"
    status: ClassVar[ExitStatus] = ExitStatus.INTERNAL

    def __init__(self, message: str, *, facts: tuple[str, ...] = (), hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        self.hints = hints


# 2 · usage


class UsageError(EnvkitError):
    """The command line does not make sense.

    A flag, an argument or a combination of them cannot be taken. Read the message, then `envkit COMMAND --help`.
    """

    code = "EK0201"
    status = ExitStatus.USAGE


class BadSpecError(UsageError):
    """A SPEC is not a recipe name with an optional range.

    A SPEC is written `recipe`, `recipe>=2.9,<3` or `recipe[extra]==2.9.*`; the range follows PEP 440.
    Quote it in a shell.
    """

    code = "EK0202"


class UnknownRecipeError(UsageError):
    """No recipe has this name.

    The name is not in the recipes that come with envkit, nor in the overlay directory. The message lists similar names;
    recipes live in `recipes/*.yaml`.
    """

    code = "EK0203"


class UnknownEnvironmentError(UsageError):
    """No environment has this name.

    `envkit ls` lists the environments of this user on this machine.
    """

    code = "EK0204"


class EnvironmentTakenError(UsageError):
    """The name already belongs to an environment of another engine.

    An environment keeps its engine. Take another name with `--name`, or remove the old environment with `envkit rm`.
    """

    code = "EK0205"


class ProjectExistsError(UsageError):
    """The directory has a project file already.

    `envkit init` does not replace what somebody may have written. `--dry-run` shows what it would write, `--force`
    replaces the file.
    """

    code = "EK0206"


class OutputTakenError(UsageError):
    """Files are there that `envkit generate` did not write, or that somebody has changed since.

    What was generated into a directory stands in its `.envkit-generated.json`; nothing else is replaced. Take another
    directory with `--output`, or replace the files with `--force`.
    """

    code = "EK0207"


# 3 · unsatisfiable


class UnsatisfiableError(EnvkitError):
    """No build of the framework can work on this machine as it is.

    The facts to blame are listed with what was seen and what is needed. Each hint was tried by solving again with that
    one change.
    """

    code = "EK0301"
    status = ExitStatus.UNSATISFIABLE


class AcceleratorUnusedError(EnvkitError):
    """A device of this machine would be left unused, and nobody has agreed to that.

    envkit never falls back to the processor silently. Say `--on cpu` to agree, or follow the hints to use the device.
    """

    code = "EK0302"
    status = ExitStatus.UNSATISFIABLE


class AdditionMissingError(EnvkitError):
    """What was chosen needs something that envkit does not install and that this machine does not have.

    Forward compatibility (`--allow forward-compat`) rests on a package of the vendor's own repository. In a native
    environment its library must be loaded (`LD_LIBRARY_PATH`) when envkit runs, so that `envkit detect` shows the newer
    runtime; a container needs an image that brings it: `--base-image`. Without the allowance envkit looks for a build
    that the driver serves by itself.
    """

    code = "EK0303"
    status = ExitStatus.UNSATISFIABLE


# 4 · host or engine not ready


class EngineNotReadyError(EnvkitError):
    """The container engine that was asked for cannot be used.

    It is missing, too old, not running, out of reach for this user, or has no builder.
    `envkit detect` shows what was found.
    Without `--engine` envkit takes the best that works, down to a native environment.
    """

    code = "EK0401"
    status = ExitStatus.NOT_READY


class StorageError(EnvkitError):
    """envkit cannot write where environments, state or caches live.

    The directory is read-only, belongs to somebody else, or the disk is full. Environments live under
    `$XDG_DATA_HOME/envkit`, logs under `$XDG_STATE_HOME/envkit`; set these variables to move them.
    What was there before is untouched.
    """

    code = "EK0402"
    status = ExitStatus.NOT_READY


class EnvironmentBusyError(EnvkitError):
    """Another envkit command is working on the same environment.

    Wait for it to end, or use another name with `--name`.
    """

    code = "EK0403"
    status = ExitStatus.NOT_READY


class DeviceMissingError(EnvkitError):
    """There is no device that this command could be about.

    A CDI specification describes devices of one vendor. The message says which, the lines below it what was detected.
    `envkit detect` shows what was found and what is wrong with it, `envkit host setup` what is missing.
    """

    code = "EK0404"
    status = ExitStatus.NOT_READY


class SetupError(EnvkitError):
    """Setting up this host stopped before its end.

    A step failed, was declined, or is one that only a person can do. The message names it, the lines below it what
    remains. What was done before stays done: steps can be run again, and `envkit host setup` looks at the host anew.
    """

    code = "EK0405"
    status = ExitStatus.NOT_READY


# 5 · build


class BuildError(EnvkitError):
    """Building the environment failed.

    The last lines of the failing step are shown; the log has all of them. What existed before still works.
    """

    code = "EK0501"
    status = ExitStatus.BUILD_FAILED


class LockError(EnvkitError):
    """The packages cannot be locked together.

    The package resolver found no set of versions that fits. Its explanation is shown.
    Loosen a range or leave a package out.
    A package without a wheel for this Python and platform cannot be locked either: nothing is compiled from source.
    """

    code = "EK0502"
    status = ExitStatus.BUILD_FAILED
    rule: ClassVar[str] = "package-conflict"  # of the `Refusal` that makes the resolver take another candidate


# 6 · run


class RunError(EnvkitError):
    """The environment was built but does not start.

    The engine's own words are shown.
    """

    code = "EK0601"
    status = ExitStatus.RUN_FAILED


# 7 · verify


class VerifyError(EnvkitError):
    """The environment starts, but the proof failed.

    The computation on the device gave an error or a wrong result, or an installed version is not the locked one.
    The environment that was in place before is untouched.
    """

    code = "EK0701"
    status = ExitStatus.VERIFY_FAILED


class DriftError(EnvkitError):
    """The lock is not that of the project file any more.

    What differs is listed. `envkit lock` locks what the project file says now; `--frozen` takes the lock as it is.
    """

    code = "EK0702"
    status = ExitStatus.VERIFY_FAILED


# 8 · bad data or file


class DataError(EnvkitError):
    """A file does not have the form that it must have.

    The message names the file, the place in it and what is expected there. Formats are in `docs/reference/`.
    """

    code = "EK0801"
    status = ExitStatus.BAD_DATA


class FaultyDataError(DataError):
    """Data files have faults.

    `envkit matrix check` lists all of them, each with file, line, path and rule: a row without source, a version that
    is none, a release without builds, ranges that overlap, recipes that pin each other in a circle. `--fix` rewrites
    files whose only fault is their spelling; the rest is for whoever wrote the file.
    """

    code = "EK0803"


class UnsafeTextError(DataError):
    """A value holds characters that have no place there.

    Line breaks, NUL, other control characters and bidirectional overrides are refused before they can reach a generated
    file or the terminal.
    """

    code = "EK0802"


class LockFileError(DataError):
    """The project's lock cannot be used: it is missing, damaged, or was changed by hand.

    `envkit.lock` and the `pylock.PROFILE.toml` beside it belong together and are written by `envkit lock` alone, which
    makes them anew. Take older ones from version control all together.
    """

    code = "EK0804"


class BundleError(DataError):
    """A bundle is not whole.

    The file is not a bundle, is damaged, or holds something else than its manifest says. Nothing was taken from it.
    Fetch it again, or make it anew with `envkit bundle create`; the message names the file in the bundle.
    """

    code = "EK0805"


# 9 · network


class NetworkError(EnvkitError):
    """An index, registry or other server could not be reached, or answered with something else.

    The message names the address and the reason. A mirror can be set with pip's or uv's usual settings.
    """

    code = "EK0901"
    status = ExitStatus.NETWORK


class IndexUnreachableError(NetworkError):
    """A package index could not be reached, or refused to answer, while packages were locked or fetched.

    The message names the index and says what the network said. Check the address, the credentials, the proxy and the
    certificate that pip's or uv's settings name; `--wheelhouse DIR` takes wheels from a directory instead.
    """

    code = "EK0902"
    rule: ClassVar[str] = "index-availability"  # of the `Refusal` that makes the resolver take another candidate

    def __init__(self, message: str, *, url: str, facts: tuple[str, ...] = (), hints: tuple[str, ...] = ()) -> None:
        super().__init__(message, facts=facts, hints=hints)
        self.url = url  # of the page that failed, without credentials


class RegistryError(NetworkError):
    """An image registry could not be reached, or refused to answer.

    The message names the address and the reason. Credentials are taken from Docker's `config.json` (`docker login`),
    also through its credential helpers. A registry that stands in for another one is set with `envkit mirror use`, or
    in the project file, `sources.mirrors`.
    """

    code = "EK0903"


class ImageMissingError(RegistryError):
    """The registry answers, but has no such image, or not for this platform.

    Check the name and the tag. Some registries say the same about images that the user may not see: log in first.
    """

    code = "EK0904"
