import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envkit.engines import engine_names, hold_environment, load_engine
from envkit.engines.backends.native import NativeEngine
from envkit.engines.backends.native_install import remove_generation
from envkit.engines.protocol import BuildContext, Engine, Progress
from envkit.errors import BuildError, EnvironmentBusyError, IndexUnreachableError, RunError, StorageError, UsageError
from envkit.lock import lock_request
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import Plan
from envkit.model.request import Mode, Request
from envkit.model.resolution import Chosen, MatrixStamp, Resolution, Status
from envkit.model.sources import PackageSources, Setting
from envkit.model.value import to_json

MakeWheel = Callable[..., Path]
Serve = Callable[[Path], Any]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class Site:
    """A place of its own for one engine, its wheels and its caches."""

    def __init__(self, directory: Path) -> None:
        self.wheels = directory / "wheels"
        self.engine = NativeEngine(directory / "envs")
        self.envs = directory / "envs"
        self.log = directory / "log" / "build.log"
        self.lines: list[str] = []
        self.sources = PackageSources(
            no_index=True, wheelhouses=(Setting(value=str(self.wheels), origin="--wheelhouse"),)
        )

    def plan(self, *requirements: str, name: str = "demo", sources: PackageSources | None = None) -> Plan:
        chosen = Chosen(
            candidate="test",
            recipes=("demo",),
            vendor="cpu",
            variant="cpu",
            mode=Mode.NATIVE,
            python=PYTHON,
            packages={},
            requirements=requirements,
            interpreter=sys.executable,
        )
        resolution = Resolution(
            status=Status.OK,
            request=Request(specs=(), as_of="2026-11-22"),
            matrix=MatrixStamp(revision="test", newest_source="2026-11-22"),
            chosen=chosen,
        )
        lock = lock_request(resolution, sources or self.sources, libc=None, cpu_architecture=os.uname().machine)
        return Plan(
            name=name,
            mode=Mode.NATIVE,
            vendor="cpu",
            variant="cpu",
            python=PYTHON,
            packages={package.name: package.version for package in lock.packages[:1]},
            lock=lock,
            smoke=(),
            fingerprint=lock.sha256,
            interpreter=sys.executable,
        )

    def build(
        self, plan: Plan, *, sources: PackageSources | None = None, fresh: bool = False, terminal: bool = False
    ) -> Built:
        def progress(event: Progress) -> None:
            self.lines.append(event.text)

        context = BuildContext(
            sources=sources or self.sources,
            log=str(self.log),
            progress=progress,
            fresh=fresh,
            terminal=terminal,
        )
        return self.engine.build(plan, context)

    def up(self, plan: Plan, *, fresh: bool = False) -> Environment:
        return self.engine.commit(plan, self.engine.start(plan, self.build(plan, fresh=fresh)))

    def version(self, environment: Environment, module: str = "alpha") -> str:
        program = f"import {module}; print({module}.__version__)"
        completed = self.engine.execute(environment, ("python", "-c", program), timeout_seconds=30)
        return completed.stdout.strip() or completed.stderr

    def generations(self, name: str = "demo") -> list[str]:
        return sorted(path.name for path in (self.envs / name / "generations").glob("*"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_wheel: MakeWheel) -> Site:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    site = Site(tmp_path)
    make_wheel(site.wheels, "alpha", "1.0", ("beta",))
    make_wheel(site.wheels, "alpha", "2.0", ("beta",))
    make_wheel(site.wheels, "beta", "1.0")
    return site


def test_engines_are_found_by_their_file_names_and_keep_to_the_protocol() -> None:
    assert "native" in engine_names()
    engine: Engine = load_engine("native")
    assert engine.name == "native"
    with pytest.raises(UsageError, match="no such engine: `nosuch`"):
        load_engine("nosuch")


def test_lock_becomes_an_environment_that_runs(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    built = site.build(plan)
    assert not built.reused
    assert site.engine.find("demo") is None, "a candidate does not stand yet"
    candidate = site.engine.start(plan, built)
    assert site.version(candidate) == "1.0"
    standing = site.engine.commit(plan, candidate)
    assert standing == site.engine.find("demo")
    assert (standing.state, standing.packages) == (State.READY, {"alpha": "1.0"})
    assert (site.envs / "demo" / "current" / "venv").samefile(standing.reference)
    assert (site.envs / "demo" / "record.json").stat().st_mode & 0o777 == 0o600
    assert site.engine.environments() == (standing,)
    assert any("alpha==1.0" in line for line in site.lines)
    assert "alpha==1.0" in site.log.read_text()
    assert site.log.stat().st_mode & 0o777 == 0o600


def test_second_build_of_the_same_lock_changes_nothing(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    standing = site.up(plan)
    before = site.generations()
    again = site.build(plan)
    assert again.reused
    site.engine.discard(plan, again)
    assert site.generations() == before
    assert site.version(standing) == "1.0"


def test_new_lock_replaces_the_environment_only_when_it_is_committed(site: Site) -> None:
    old = site.up(site.plan("alpha==1.0"))
    plan = site.plan("alpha==2.0")
    built = site.build(plan)
    candidate = site.engine.start(plan, built)
    assert site.engine.find("demo") == old
    assert (site.version(old), site.version(candidate)) == ("1.0", "2.0")
    site.engine.commit(plan, candidate)
    found = site.engine.find("demo")
    assert found is not None
    assert site.version(found) == "2.0"
    assert site.generations() == [Path(built.reference).name]


def test_discarded_build_leaves_the_environment_that_stands(site: Site) -> None:
    old = site.up(site.plan("alpha==1.0"))
    plan = site.plan("alpha==2.0")
    built = site.build(plan)
    site.engine.discard(plan, built)
    assert not Path(built.reference).exists()
    assert site.engine.find("demo") == old
    assert site.version(old) == "1.0"


def test_fresh_build_stands_beside_the_same_one_until_it_replaces_it(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    old = site.up(plan)
    shutil.rmtree(next(Path(old.reference).glob("lib/python*/site-packages/alpha")))
    built = site.build(plan, fresh=True)
    assert not built.reused
    assert Path(built.reference) != Path(old.reference).parent
    standing = site.engine.commit(plan, site.engine.start(plan, built))
    assert site.version(standing) == "1.0"
    assert site.generations() == [Path(built.reference).name]
    assert site.build(plan).reference == built.reference


def test_killed_build_leaves_no_environment_and_the_next_run_cleans_up(site: Site, tmp_path: Path) -> None:
    old = site.up(site.plan("alpha==1.0"))
    plan = site.plan("alpha==2.0")
    (tmp_path / "plan.json").write_text(to_json(plan))
    program = (
        "import os, pathlib, signal, sys, msgspec\n"
        "from envkit.engines.backends import native_install\n"
        "from envkit.engines.backends.native import NativeEngine\n"
        "from envkit.engines.protocol import BuildContext\n"
        "from envkit.model.plan import Plan\n"
        "from envkit.model.sources import PackageSources\n"
        "plan = msgspec.json.decode(pathlib.Path(sys.argv[1]).read_bytes(), type=Plan)\n"
        "kill = lambda event: os.kill(os.getpid(), signal.SIGKILL)\n"
        "context = BuildContext(sources=PackageSources(), log=sys.argv[3], progress=kill)\n"
        "NativeEngine(pathlib.Path(sys.argv[2])).build(plan, context)\n"
    )
    arguments = [str(tmp_path / "plan.json"), str(site.envs), str(tmp_path / "killed.log")]
    killed = subprocess.run([sys.executable, "-c", program, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(site.generations()) == 2, "the killed build left its directory"
    assert site.engine.find("demo") == old
    assert site.version(old) == "1.0"
    # What uv still writes after its parent was killed is of no importance: the directory is removed as a whole.
    time.sleep(0.3)
    standing = site.up(plan)
    assert site.version(standing) == "2.0"
    assert site.generations() == [Path(standing.reference).parent.name]


def test_build_that_was_not_committed_is_taken_up_by_the_next_run_or_removed(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    site.build(plan)
    assert site.build(plan).reused
    other = site.up(site.plan("alpha==2.0"))
    assert site.generations() == [Path(other.reference).parent.name]


def test_interrupt_during_the_installation_removes_what_was_made(site: Site) -> None:
    plan = site.plan("alpha==1.0")

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    context = BuildContext(sources=site.sources, log=str(site.log), progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        site.engine.build(plan, context)
    assert site.generations() == []
    assert site.version(site.up(plan)) == "1.0"


def test_wheel_that_changed_after_the_lock_fails_the_build(site: Site, make_wheel: MakeWheel) -> None:
    old = site.up(site.plan("alpha==1.0"))
    plan = site.plan("alpha==2.0")
    make_wheel(site.wheels, "alpha", "2.0", ("beta",), body="import os\n")
    # From its cache uv would install the wheel that was locked.
    shutil.rmtree(os.environ["UV_CACHE_DIR"])
    with pytest.raises(BuildError, match="installing the packages failed") as caught:
        site.build(plan)
    assert any("ash mismatch" in fact for fact in caught.value.facts)
    assert caught.value.facts[-1] == f"log: {site.log}"
    assert "ash mismatch" in site.log.read_text()
    assert site.generations() == [Path(old.reference).parent.name]
    assert site.engine.find("demo") == old


def test_uv_draws_on_a_terminal_itself_and_a_failure_still_gets_into_the_log(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.build(site.plan("alpha==1.0"), terminal=True)
    drawn = capfd.readouterr()
    assert "alpha==1.0" in drawn.err
    assert drawn.out == ""
    assert site.lines == []
    plan = site.plan("alpha==2.0")
    shutil.rmtree(os.environ["UV_CACHE_DIR"])
    (site.wheels / "alpha-2.0-py3-none-any.whl").write_bytes(b"no wheel")
    with pytest.raises(BuildError) as caught:
        site.build(plan, terminal=True)
    assert "alpha==2.0" in " ".join(caught.value.facts)
    assert "alpha==2.0" in site.log.read_text()


def test_missing_interpreter_fails_the_build(site: Site) -> None:
    plan = msgspec.structs.replace(site.plan("alpha==1.0"), interpreter="/no/such/python3")
    with pytest.raises(BuildError, match="making the virtual environment failed") as caught:
        site.build(plan)
    assert "/no/such/python3" in " ".join(caught.value.facts)
    assert site.generations() == []


def test_packages_come_from_an_index_with_credentials(site: Site, serve_index: Serve) -> None:
    server = serve_index(site.wheels)
    server.credentials = ("me", "s3cret")
    sources = PackageSources(index=Setting(value=f"http://me:s3cret@{server.host}/simple", origin="PIP_INDEX_URL"))
    plan = site.plan("alpha==1.0", sources=sources)
    built = site.build(plan, sources=sources)
    assert site.version(site.engine.start(plan, built)) == "1.0"
    assert "s3cret" not in site.log.read_text()
    kept = [path.read_text() for path in Path(built.reference).iterdir() if path.is_file()]
    assert "s3cret" not in "".join(kept)


def test_index_that_fails_between_lock_and_build_is_a_network_failure(site: Site, serve_index: Serve) -> None:
    server = serve_index(site.wheels)
    sources = PackageSources(index=Setting(value=server.url, origin="PIP_INDEX_URL"), offline=False)
    plan = site.plan("alpha==1.0", sources=sources)
    server.status = 404
    with pytest.raises(IndexUnreachableError, match="404 Not Found"):
        site.build(plan, sources=sources)
    assert site.generations() == []


def test_full_disk_is_said_and_leaves_nothing(site: Site, make_wheel: MakeWheel, full_disk: Path) -> None:
    make_wheel(site.wheels, "big", "1.0", body=f"data = '{'x' * 4_000_000}'\n")
    plan = site.plan("big")
    engine = NativeEngine(full_disk / "envs")
    with pytest.raises(StorageError, match="no space left on device"):
        engine.build(plan, BuildContext(sources=site.sources, log=str(site.log)))
    assert not (full_disk / "envs" / "demo").exists()


def test_commands_run_activated_and_report_their_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/no/such/home")
    environment = site.up(site.plan("alpha==1.0"))
    program = "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'], sys.stdin.read())"
    completed = site.engine.execute(environment, ("python", "-c", program), stdin="hello", timeout_seconds=30)
    assert completed.stdout.split() == [environment.reference, environment.reference, "hello"]
    assert site.engine.execute(environment, ("false",), timeout_seconds=30).status == 1
    assert site.engine.execute(environment, ("no-such-command",), timeout_seconds=30).failure == "not found"
    late = site.engine.execute(environment, ("sleep", "60"), timeout_seconds=0.1)
    assert late.failure == "timed out after 0.1 s"


def test_verification_leaves_bytecode_whatever_the_variables_say(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = site.up(site.plan("alpha==1.0"))
    site.version(environment)
    assert list(Path(environment.reference).glob("lib/python*/site-packages/alpha/__pycache__/*.pyc"))


def test_attached_command_has_this_terminal_and_gives_its_status(
    site: Site, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = site.up(site.plan("alpha==1.0"))
    argv = ("python", "-c", "import alpha, sys; print(alpha.__version__); sys.exit(7)")
    assert site.engine.attach(environment, argv, interactive=False) == 7
    assert capfd.readouterr().out == "1.0\n"
    monkeypatch.setenv("SHELL", "/bin/true")
    assert site.engine.attach(environment, (), interactive=True) == 0
    with pytest.raises(RunError, match="no such command in `demo`: no-such-command"):
        site.engine.attach(environment, ("no-such-command",), interactive=False)


def test_environments_are_listed_by_name_and_broken_ones_are_marked(site: Site) -> None:
    assert site.engine.environments() == ()
    site.up(site.plan("alpha==1.0", name="b"))
    site.up(site.plan("alpha==1.0", name="a"))
    assert [(found.name, found.state) for found in site.engine.environments()] == [("a", "ready"), ("b", "ready")]
    shutil.rmtree(site.envs / "a" / "generations")
    (site.envs / "b" / "record.json").write_text("{")
    assert [(found.name, found.state) for found in site.engine.environments()] == [("a", "broken"), ("b", "broken")]


def test_broken_environment_is_built_again(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    old = site.up(plan)
    (Path(old.reference) / "bin" / "python").unlink()
    assert site.engine.find("demo") != old
    built = site.build(plan)
    assert not built.reused
    standing = site.engine.commit(plan, site.engine.start(plan, built))
    assert site.version(standing) == "1.0"


def test_native_environment_has_nothing_to_stop(site: Site) -> None:
    environment = site.up(site.plan("alpha==1.0"))
    assert site.engine.resume(site.engine.stop(environment)) == environment


def test_removed_environment_is_gone_and_removing_it_again_is_no_error(site: Site) -> None:
    environment = site.up(site.plan("alpha==1.0"))
    site.engine.remove(environment)
    assert site.engine.find("demo") is None
    assert list(site.envs.iterdir()) == []
    site.engine.remove(environment)


def test_names_cannot_lead_out_of_the_directory(site: Site) -> None:
    plan = msgspec.structs.replace(site.plan("alpha==1.0"), name="../outside")
    with pytest.raises(UsageError, match="not a name for an environment"):
        site.build(plan)
    assert site.engine.find("..") is None


def test_environment_is_held_by_one_command_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with hold_environment("demo"):
        assert (tmp_path / "envkit" / "locks" / "demo.lock").exists()
        program = (
            "from envkit.engines import hold_environment\nwith hold_environment('demo', timeout_seconds=0.1): pass"
        )
        other = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert EnvironmentBusyError.__name__ in other.stderr


def test_listing_environments_imports_nothing_slow() -> None:
    program = (
        "import sys\nfrom envkit.engines import load_engine\nload_engine('native').environments()\n"
        "slow = {'requests', 'packaging', 'docker', 'filelock', 'uv', 'yaml', 'jinja2', 'tempfile', 'platformdirs'}\n"
        "print(sorted(slow & {name.partition('.')[0] for name in sys.modules}))"
    )
    completed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert completed.stdout == "[]\n"


def test_locked_files_are_those_of_the_wheelhouse(site: Site) -> None:
    plan = site.plan("alpha==1.0")
    alpha = plan.lock.packages[0].file
    assert alpha.path is not None
    assert alpha.sha256 == hashlib.sha256(Path(alpha.path).read_bytes()).hexdigest()


def test_installation_is_removed_while_an_installer_that_was_left_behind_still_writes_to_it(tmp_path: Path) -> None:
    generation = tmp_path / "generation"
    (generation / "venv").mkdir(parents=True)
    program = (
        "import itertools, pathlib, sys\n"
        "for number in itertools.count():\n"
        "    pathlib.Path(sys.argv[1], 'venv', str(number)).touch()\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(generation)], stderr=subprocess.DEVNULL)
    try:
        while len(list((generation / "venv").glob("*"))) < 500:
            assert writer.poll() is None
        remove_generation(generation)
        assert writer.wait(timeout=10) == 1
    finally:
        writer.kill()
        writer.wait()
    assert list(tmp_path.glob("*")) == []
    assert list(tmp_path.glob(".*")) == []
