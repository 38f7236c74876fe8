"""Commands that need no environment: help, version, detect, resolve, explain, and every way to get them wrong."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import envkit

RTX_5090 = "rtx 5090,driver=570.124.06,os=ubuntu-24.04"


def imported_by(*arguments: str) -> set[str]:
    """Return the modules that a command imports."""
    program = (
        "import sys\n"
        f"sys.argv = ['envkit', *{list(arguments)!r}]\n"
        "from envkit.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\n'.join(sys.modules))\n"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(completed.stderr.split("\n"))


def test_version(home) -> None:
    for arguments in (("--version",), ("version",)):
        assert home.run(*arguments) == (0, f"envkit {envkit.__version__}\n", "")


def test_version_imports_nothing_that_takes_time() -> None:
    heavy = {"msgspec", "typer", "click", "json", "importlib.metadata", "envkit.cli.session"}
    assert not imported_by("--version") & heavy


def test_detect_imports_nothing_that_takes_time() -> None:
    heavy = {"typer", "click", "rich", "docker", "requests", "jinja2", "yaml", "importlib.metadata", "pynvml"}
    assert not imported_by("detect", "--json") & heavy


def test_ls_does_not_load_the_resolver() -> None:
    # With an engine, its SDK and what that needs come in: its containers have to be asked for.
    assert not imported_by("ls") & {"envkit.resolve", "envkit.lock", "typer", "rich", "jinja2", "yaml"}


def median_seconds(argv: list[str]) -> float:
    times = []
    for _ in range(9):
        started = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


@pytest.mark.alone
def test_version_takes_less_than_thrice_the_interpreter(home) -> None:
    # The goal is twice, which tests/bench measures; a shared machine gets some air.
    bare = median_seconds([sys.executable, "-c", "pass"])
    assert median_seconds(home.argv(("--version",))) < 3 * bare


def test_no_arguments_show_the_help(home) -> None:
    ended = home.run()
    assert ended.status == 2
    assert "Usage: envkit" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "command", ["up", "resolve", "detect", "ls", "exec", "shell", "down", "rm", "verify", "explain", "doctor"]
)
def test_every_command_has_help(home, command: str) -> None:
    for flag in ("--help", "-h"):
        ended = home.run(command, flag)
        assert ended.status == 0
        assert ended.stdout.startswith(f"Usage: envkit {command}")


@pytest.mark.parametrize(
    ("arguments", "status", "code", "words"),
    [
        (("upp",), 2, "EK0201", "No such command"),
        (("up", "--nmae", "x"), 2, "EK0201", "No such option"),
        (("up", "pytorhc"), 2, "EK0203", "did you mean `pytorch`"),
        (("up", "pytorch>>1"), 2, "EK0202", "pytorch>>1"),
        (("up",), 2, "EK0201", "envkit.yaml"),
        (("up", "pytorch", "--native", "--engine", "docker"), 2, "EK0201", "--native"),
        (("up", "pytorch", "--name", "../evil"), 2, "EK0201", "../evil"),
        (("up", "pytorch", "--name", "a\nb"), 8, "EK0802", "U+000A"),
        (("up", "pytorch", "--devices", "one"), 2, "EK0201", "--devices"),
        (("up", "pytorch", "--mount", "nowhere"), 2, "EK0201", "SOURCE:/TARGET"),
        (("up", "pytorch", "--wheelhouse", "/nonexistent"), 2, "EK0201", "/nonexistent"),
        (("up", "pytorch", "--engine", "podmann"), 4, "EK0401", "podmann"),
        (("up", "pytorch", "--engine", "docker"), 4, "EK0401", "docker"),
        (("up", "pytorch>=99", "--native", "--offline"), 3, "EK0301", "pytorch>=99"),
        (("exec", "nothing", "--", "true"), 2, "EK0204", "nothing"),
        (("rm", "nothing", "-y"), 2, "EK0204", "nothing"),
        (("explain", "EK9999"), 2, "EK0201", "EK9999"),
        (("detect", "--host", "/nonexistent.json"), 8, "EK0801", "/nonexistent.json"),
        (("detect", "--host", "a", "--record", "b"), 2, "EK0201", "--record"),
        (("resolve", "pytorch", "--host", "a", "--target", "b"), 2, "EK0201", "--target"),
        (("resolve", "pytorch", "--target", "rtx 5091"), 2, "EK0201", "RTX 5090"),
    ],
)
def test_bad_input_is_a_coded_error(home, arguments: tuple[str, ...], status: int, code: str, words: str) -> None:
    ended = home.run(*arguments)
    assert (ended.status, f"error[{code}]" in ended.stderr, words in ended.stderr) == (status, True, True), ended.stderr
    assert ended.stdout == ""


def test_an_error_is_data_too(home) -> None:
    ended = home.run("up", "pytorhc", "--json")
    assert ended.json["format"] == "envkit-error/1"
    assert (ended.json["code"], ended.json["status"]) == ("EK0203", 2)


def test_detect_prints_facts_and_reads_them_back(home) -> None:
    facts = home.run("detect", "--json")
    assert facts.json["format"] == "envkit-host/1"
    file = home.project / "host.json"
    file.write_text(facts.stdout, encoding="utf-8")
    again = home.run("detect", "--host", "host.json", "--json")
    assert again.stdout == facts.stdout
    assert home.run("detect", "--host", "-", "--json", stdin=facts.stdout).stdout == facts.stdout


def test_detect_fits_a_screen(home) -> None:
    lines = home.run("detect").stdout.splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines) <= 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "host.json"),
        ('{"format": "envkit-host/2"}', "envkit-host/2"),
        ('{"format": "envkit-host/1", "devces": []}', "devices"),
        ('{"format": "envkit-host/1", "devices": [{"vendor": 7}]}', "devices[0].vendor"),
        ('{"format": "envkit-host/1", "devices": [{"vendor": "nvidia", "name": "a\\u0007b"}]}', "U+0007"),
        ("format: envkit-host/1\nos: {system: linux, system: darwin}\n", "system"),
        ("", "host.json"),
    ],
)
def test_a_broken_host_file_is_named_with_the_place(home, text: str, words: str) -> None:
    (home.project / "host.json").write_text(text, encoding="utf-8")
    ended = home.run("resolve", "pytorch", "--host", "host.json")
    assert ended.status == 8
    assert "host.json" in ended.stderr
    assert words in ended.stderr


def test_a_host_file_in_yaml_is_read(home) -> None:
    (home.project / "host.yaml").write_text("format: envkit-host/1\ndevices: []\n", encoding="utf-8")
    assert home.run("detect", "--host", "host.yaml", "--json").json == {"format": "envkit-host/1", "devices": []}


def test_resolve_explains_the_choice(home) -> None:
    ended = home.run("resolve", "pytorch", "--target", RTX_5090)
    assert ended.status == 0
    assert "cu128" in ended.stdout
    assert "needs driver >=580.65.06; host has 570.124.06" in ended.stdout
    resolution = home.run("resolve", "pytorch", "--target", RTX_5090, "--json").json
    assert (resolution["format"], resolution["status"]) == ("envkit-resolution/1", "ok")
    assert resolution["chosen"]["variant"] == "cu128"


def test_resolve_without_an_answer_ends_with_three_and_says_what_would_help(home) -> None:
    ended = home.run("resolve", "pytorch==2.15.0", "--on", "nvidia", "--target", RTX_5090)
    assert ended.status == 3
    assert "driver: needs >=580.65.06, seen 570.124.06" in ended.stdout
    help_text = ended.stdout.partition("what would help")[2]
    assert "envkit up" in help_text


def test_resolve_never_falls_to_the_processor_silently(home) -> None:
    resolution = home.run("resolve", "pytorch==2.15.0", "--target", RTX_5090, "--json").json
    assert (resolution["status"], resolution["chosen"]["variant"]) == ("degraded", "cpu")
    assert any(check["rule"] == "accelerator-unused" for check in resolution["checks"])
    agreed = home.run("resolve", "pytorch==2.15.0", "--target", RTX_5090, "--on", "cpu", "--json").json
    assert agreed["status"] == "ok"


def test_resolve_gives_the_same_bytes_again(home) -> None:
    first = home.run("resolve", "pytorch", "--target", RTX_5090, "--json")
    assert home.run("resolve", "pytorch", "--target", RTX_5090, "--json").stdout == first.stdout


def test_explain_shows_a_page(home) -> None:
    page = home.run("explain", "ek0301")
    assert page.status == 0
    assert page.stdout.startswith("EK0301 (exit status 3)")


def test_explain_prints_its_page_as_json(home) -> None:
    page = home.run("explain", "EK0301", "--json").json
    assert (page["format"], page["code"], page["status"]) == ("envkit-page/1", "EK0301", 3)
    assert page["text"] == home.run("explain", "EK0301").stdout


def test_colours_follow_the_conventions(home) -> None:
    assert "\033[" not in home.run("up", "pytorhc").stderr
    assert "\033[" in home.run("up", "pytorhc", CLICOLOR_FORCE="1").stderr
    assert "\033[" not in home.run("up", "pytorhc", CLICOLOR_FORCE="1", NO_COLOR="1").stderr


def test_a_closed_reader_is_not_an_error_to_show(home) -> None:
    completed = subprocess.run(
        ["/bin/sh", "-c", f"{home.argv(())[0]} detect --json | true"],
        check=False,
        capture_output=True,
        text=True,
        env=home.environment,
    )
    assert completed.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_output_is_an_error_without_a_traceback(home) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        completed = subprocess.run(
            home.argv(("detect", "--json")),
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=home.environment,
        )
    assert completed.returncode == 4
    assert "no space left" in completed.stderr
    assert "Traceback" not in completed.stderr


def test_debug_shows_where_an_error_came_from(home) -> None:
    completed = subprocess.run(
        home.argv(("up", "pytorhc", "--debug")), check=False, capture_output=True, text=True, env=home.environment
    )
    assert "Traceback" in completed.stderr


def test_output_for_people_and_data_do_not_mix(tiny) -> None:
    up = tiny.run("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels", "--json")
    assert up.json["format"] == "envkit-up/1"
    quiet = tiny.run("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels", "-q")
    assert (quiet.status, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize("group", ["host", "cdi", "matrix"])
def test_a_group_without_a_command_shows_its_help(home, group: str) -> None:
    ended = home.run(group)
    assert (ended.status, ended.stderr) == (2, "")
    assert ended.stdout.startswith(f"Usage: envkit {group}")
