"""The rows about names of other tools."""

from envkit.data import load_recipe
from envkit.project.checks import check_system_package
from envkit.project.foreign import feature_of, load_foreign, why_dropped


def test_every_row_names_a_source_that_there_is_and_every_name_is_one() -> None:
    foreign = load_foreign()
    rows = (*foreign.hardware, *foreign.conda_dropped, *foreign.features)
    assert {row.source for row in rows} <= foreign.sources.keys()
    programs = (*foreign.conda_system.values(), *(name for row in foreign.features for name in row.system_packages))
    assert [name for name in programs if check_system_package(name) is not None] == []
    assert load_recipe(foreign.suggested).name == foreign.suggested


def test_patterns_know_what_belongs_to_a_build_from_what_does_not() -> None:
    hardware = load_foreign().hardware
    assert why_dropped("nvidia-cudnn-cu12", hardware) is not None
    assert why_dropped("nvidia-ml-py", hardware) is None
    assert why_dropped("libffi", load_foreign().conda_dropped) is not None
    assert "librosa" in load_foreign().conda_renamed


def test_features_are_known_without_their_version() -> None:
    git = feature_of("ghcr.io/devcontainers/features/git:1.2.3")
    assert git is not None
    assert git.system_packages == ("git",)
    assert feature_of("ghcr.io/devcontainers/features/git@sha256:00") == git
    assert feature_of("ghcr.io/foo/features/gitlab:1") is None
    assert feature_of("./local") is None
