"""What the files of an image say: dialects, layers, system packages, and how a container starts."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit.data import load_matrix
from envkit.errors import DataError, UnsatisfiableError, UsageError
from envkit.generate import generate_artifacts, output_names
from envkit.generate.image import image_files, wheelhouse_layers
from envkit.generate.options import Dialect, Options
from envkit.generate.parseback import Instruction, parse_dockerfile, read_command, read_environment
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan, RunSettings, SystemPackage
from envkit.model.request import Mode
from envkit.model.resolution import Base

MakePlan = Callable[..., Plan]
PORTABLE = Options(dialect=Dialect.PORTABLE)
MANAGERS = {manager.name: manager for manager in load_matrix(()).package_managers if manager.name in {"apt", "dnf"}}
PACKAGES = (SystemPackage(name="git", version="1:2.39.5-0+deb12u2"), SystemPackage(name="ffmpeg"))
TEXT = st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=40)


def instructions(plan: Plan, options: Options | None = None) -> tuple[Instruction, ...]:
    return parse_dockerfile(generate_artifacts(plan, "dockerfile", options).text("Dockerfile"))


def texts(plan: Plan, options: Options | None = None) -> Mapping[str, str]:
    return {file.path: file.text for file in generate_artifacts(plan, "dockerfile", options).files}


def value_of(plan: Plan, keyword: str) -> str:
    return [found.arguments for found in instructions(plan) if found.keyword == keyword][-1]


def sized(name: str, size: int | None) -> LockedPackage:
    return LockedPackage(
        name=name, version="1", file=LockedFile(filename=f"{name}-1-py3-none-any.whl", sha256="a" * 64, size=size)
    )


def locked(*packages: LockedPackage) -> Lock:
    return Lock(python="3.11", platform="any", packages=packages, pylock="", sha256="c" * 64)


def test_portable_dialect_uses_nothing_of_buildkit_alone(container_plan: MakePlan) -> None:
    plan = container_plan(package_manager=MANAGERS["apt"], system_packages=PACKAGES)
    for found in instructions(plan, PORTABLE):
        assert "--mount" not in found.arguments
        assert "--link" not in found.arguments
        assert "<<" not in found.arguments
    assert "syntax=" not in texts(plan, PORTABLE)["Dockerfile"]


def test_portable_dialect_takes_wheels_of_the_context_and_asks_no_index(container_plan: MakePlan) -> None:
    files = texts(container_plan(), PORTABLE)
    assert "no-index = true" in files["pip.conf"].splitlines()
    assert "COPY wheelhouse/ /wheelhouse/" in files["Dockerfile"].splitlines()


def test_portable_image_gets_the_finished_tree_and_none_of_the_wheels(container_plan: MakePlan) -> None:
    found = instructions(container_plan(), PORTABLE)
    last = max(place for place, instruction in enumerate(found) if instruction.keyword == "FROM")
    copied = [instruction.arguments for instruction in found[last:] if instruction.keyword == "COPY"]
    assert copied == ["--from=build /build/tree/ /"]


def test_every_file_that_a_dockerfile_names_is_there(container_plan: MakePlan) -> None:
    plan = container_plan(package_manager=MANAGERS["apt"], system_packages=PACKAGES)
    files = set(texts(plan))
    for found in instructions(plan):
        mounts = [word for word in found.arguments.split() if word.startswith("--mount=type=bind,source=")]
        assert {mount.split("source=")[1].split(",")[0] for mount in mounts} <= files
    for found in instructions(plan, PORTABLE):
        if found.keyword == "COPY" and "--from" not in found.arguments:
            assert {word for word in found.arguments.split()[:-1] if word != "wheelhouse/"} <= files


def test_files_stand_in_the_directory_of_the_output(container_plan: MakePlan) -> None:
    plain = {file.path for file in image_files(container_plan())}
    assert {file.path for file in image_files(container_plan(), "image")} == {f"image/{path}" for path in plain}


def test_option_is_refused_by_a_format_that_does_not_heed_it(container_plan: MakePlan) -> None:
    others = [name for name in output_names() if name == "pylock"]
    assert others
    with pytest.raises(UsageError, match="--dialect"):
        generate_artifacts(container_plan(), others[0], PORTABLE)


def test_large_wheels_are_the_ground_over_which_all_others_are_laid(container_plan: MakePlan) -> None:
    plan = container_plan(lock=locked(sized("small", 1 << 20), sized("huge", 1 << 30), sized("other", 5)))
    files = texts(plan)
    assert files["layer-1.lock"].startswith("huge==1 ")
    found = instructions(plan)
    last = found[max(place for place, instruction in enumerate(found) if instruction.keyword == "FROM") :]
    runs = [instruction.arguments for instruction in last if instruction.keyword == "RUN"]
    assert ["layer-1.lock" in run for run in runs] == [True]
    assert "requirements.lock" not in runs[0], "a change of the other wheels would repeat this step"
    groups = sorted(name for name in files if name.startswith("layer-") and name != "layer-1.lock")
    assert sorted(line.partition("==")[0] for name in groups for line in files[name].splitlines()) == ["other", "small"]
    copied = [instruction.arguments for instruction in last if instruction.keyword == "COPY"]
    names = [*(f"wheels-{name[6:-5]}" for name in groups), "lock"]
    assert copied == [f"--link --from={name} /build/tree/ /" for name in names]
    # Anything that runs after them would have to be repeated with each of them.
    assert [instruction.keyword for instruction in last[-3:]] == ["ENV", "USER", "CMD"]


def test_without_sizes_the_frameworks_and_the_vendors_runtime_are_the_ground(container_plan: MakePlan) -> None:
    wheels = [sized(name, None) for name in ("torch", "nvidia-cublas-cu12", "tqdm")]
    plan = container_plan(lock=locked(*wheels), packages={"torch": "1"}, runtime_packages=("nvidia-cublas-cu12",))
    ground = texts(plan)["layer-1.lock"].splitlines()
    assert [line.partition("==")[0] for line in ground] == ["nvidia-cublas-cu12", "torch"]


def test_new_version_of_a_small_wheel_changes_its_own_group_and_the_lock_alone(container_plan: MakePlan) -> None:
    names = [f"package-{number}" for number in range(40)]
    one = texts(container_plan(lock=locked(sized("huge", 1 << 30), *(sized(name, 9) for name in names))))
    changed = sized(names[7], 9)
    changed = LockedPackage(name=changed.name, version="2", file=changed.file)
    others = (sized(name, 9) for name in names if name != changed.name)
    two = texts(container_plan(lock=locked(sized("huge", 1 << 30), *others, changed)))
    different = {name for name in one if one[name] != two[name]}
    assert len(different) == 2
    assert "requirements.lock" in different
    assert len([name for name in one if name.startswith("layer-")]) == 9


def test_package_that_comes_or_goes_moves_no_other(container_plan: MakePlan) -> None:
    names = [f"package-{number}" for number in range(40)]
    one = texts(container_plan(lock=locked(sized("huge", 1 << 30), *(sized(name, 9) for name in names))))
    two = texts(container_plan(lock=locked(sized("huge", 1 << 30), *(sized(name, 9) for name in names[1:]))))
    assert len({name for name in one if one[name] != two[name]}) == 2
    assert one["Dockerfile"] == two["Dockerfile"]


def test_each_layer_sees_the_wheels_of_a_context_of_its_own(container_plan: MakePlan) -> None:
    plan = container_plan(lock=locked(sized("huge", 1 << 30), sized("small", 1)))
    layers = wheelhouse_layers(plan)
    assert {package.name for packages in layers.values() for package in packages} == {"huge", "small"}
    for found in instructions(plan):
        if "install_wheels.py" in found.arguments:
            (name,) = (name for name in layers if f"from={name}," in found.arguments)
            assert f"layer-{name.removeprefix('wheelhouse-')}.lock" in found.arguments
    stages = [found.arguments for found in instructions(plan) if found.keyword == "FROM"]
    assert {f"wheelhouse AS {name}" for name in layers} <= set(stages), "one flat context must do for people"


def test_layers_can_be_left_out_for_readers_that_know_none(container_plan: MakePlan) -> None:
    plan = container_plan(lock=locked(sized("huge", 1 << 30), sized("small", 1)))
    files = {file.path: file.text for file in image_files(plan, linked=False)}
    assert [line.partition("==")[0] for line in files["layer-2.lock"].splitlines()] == ["small"]
    assert "COPY" not in files["Dockerfile"]


def test_recipe_s_own_packages_count_as_large_where_sizes_are_not_known(container_plan: MakePlan) -> None:
    plan = container_plan(packages={"torch": "1"}, lock=locked(sized("torch", None), sized("idna", None)))
    assert texts(plan)["layer-1.lock"].startswith("torch==1 ")


def test_locked_system_packages_are_named_as_the_manager_takes_them(container_plan: MakePlan) -> None:
    lists = {
        name: texts(container_plan(package_manager=manager, system_packages=PACKAGES))["system_packages.txt"]
        for name, manager in MANAGERS.items()
    }
    assert lists["apt"] == "ffmpeg\ngit=1:2.39.5-0+deb12u2\n"
    assert lists["dnf"] == "ffmpeg\ngit-1:2.39.5-0+deb12u2\n"


def test_base_with_an_unknown_package_manager_takes_no_system_packages(container_plan: MakePlan) -> None:
    with pytest.raises(UnsatisfiableError, match="package manager"):
        generate_artifacts(container_plan(system_packages=PACKAGES), "dockerfile")


def test_mirrors_of_system_packages_are_a_secret_of_the_build(container_plan: MakePlan) -> None:
    plan = container_plan(package_manager=MANAGERS["dnf"], system_packages=PACKAGES)
    step = next(found for found in instructions(plan) if "install_packages.sh" in found.arguments)
    assert "--mount=type=secret,id=dnf-repos,target=/run/envkit/sources/envkit.repo,mode=0444" in step.arguments


def test_python_of_the_distribution_is_called_by_its_own_name(container_plan: MakePlan) -> None:
    base = Base(image="rockylinux/rockylinux:9", python_program="python3.12", ensurepip=False)
    commands = [found.arguments for found in instructions(container_plan(base=base)) if found.keyword == "RUN"]
    assert commands[0].startswith('["python3.12", "-m", "venv", "--without-pip", "--system-site-packages"')


@settings(deadline=None)  # the first example loads the templates
@given(
    environment=st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True), TEXT), command=st.lists(TEXT)
)
def test_settings_are_read_back_as_they_were(environment: dict[str, str], command: list[str]) -> None:
    run = RunSettings(environment=environment, command=tuple(command))
    plan = Plan(
        name="demo",
        mode=Mode.CONTAINER,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=locked(sized("x", 1)),
        smoke=(),
        fingerprint="f1",
        base=Base(image="python:3.11"),
        run=run,
    )
    found = read_environment(value_of(plan, "ENV"))
    assert {name: found[name] for name in environment if name != "PATH"} == {
        name: value for name, value in environment.items() if name != "PATH"
    }
    assert read_command(value_of(plan, "CMD")) == (tuple(command) or ("sleep", "infinity"))


def test_environment_of_the_project_replaces_what_the_image_sets(container_plan: MakePlan) -> None:
    plan = container_plan(run=RunSettings(environment={"HOME": "/cache/home"}))
    assert read_environment(value_of(plan, "ENV"))["HOME"] == "/cache/home"


def test_ports_are_no_part_of_an_image(container_plan: MakePlan) -> None:
    plan = container_plan(run=RunSettings(ports=(8888,)))
    assert generate_artifacts(plan, "dockerfile") == generate_artifacts(container_plan(), "dockerfile")


HOSTILE = ["x\nFROM evil:1", "x\rRUN id", "x\0", "\u202e", "\x85", "\u2028"]
UNQUOTABLE = ["", "a b", "a=b", "-x", "--option", "a/b", "@group", "a\\", "$(id)", "`id`", "*", "a;b", "x" * 999]


@pytest.mark.parametrize("text", [*HOSTILE, *UNQUOTABLE], ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("field", ["name", "version"])
def test_hostile_system_package_is_refused(field: str, text: str, container_plan: MakePlan) -> None:
    package = SystemPackage(**{"name": "git", "version": "1", field: text})
    with pytest.raises(DataError):
        generate_artifacts(container_plan(package_manager=MANAGERS["apt"], system_packages=(package,)), "dockerfile")


def test_name_that_would_have_apt_remove_a_package_is_refused(container_plan: MakePlan) -> None:
    with pytest.raises(DataError):
        generate_artifacts(
            container_plan(package_manager=MANAGERS["apt"], system_packages=(SystemPackage(name="bash-"),)),
            "dockerfile",
        )


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("dialect", Dialect)
def test_control_characters_are_refused_in_settings(text: str, dialect: Dialect, container_plan: MakePlan) -> None:
    for run in (RunSettings(environment={"A": text}), RunSettings(command=("echo", text))):
        with pytest.raises(DataError):
            generate_artifacts(container_plan(run=run), "dockerfile", Options(dialect=dialect))


@pytest.mark.parametrize("text", [*HOSTILE, "", "A B", "A=1", "1A", "A-B", 'A"', "$A", "A\\"], ids=ascii)
def test_hostile_name_of_a_variable_is_refused(text: str, container_plan: MakePlan) -> None:
    with pytest.raises(DataError):
        generate_artifacts(container_plan(run=RunSettings(environment={text: "1"})), "dockerfile")


@pytest.mark.parametrize("text", [*HOSTILE, "", "python3 -c", "$(id)", "-c", 'a"'], ids=ascii)
def test_hostile_python_program_is_refused(text: str, container_plan: MakePlan) -> None:
    with pytest.raises(DataError):
        generate_artifacts(container_plan(base=Base(image="python:3.11", python_program=text)), "dockerfile")
