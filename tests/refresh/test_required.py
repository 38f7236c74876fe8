"""A package whose releases are required by those of another one, as Triton's are by PyTorch's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envkit.model.deriving import DeriveRow
from envkit.model.recipe import Recipe
from envkit.refresh import Refreshed, refresh_recipe

World = Any  # see conftest.py
DERIVE = DeriveRow(source="wheels", releases=">=1", without_runtime="cpu", required_by="user")


@pytest.fixture
def publish(world: World, write_wheel: Callable[..., Path]) -> Callable[..., None]:
    def publish(**users: str) -> None:
        """Publish releases of `user` (v2_9_1 is 2.9.1), each with what it requires of `frame`."""
        for version, wanted in users.items():
            text = f"frame{wanted}; platform_system == 'Linux' and platform_machine == 'x86_64'"
            write_wheel(world.files, "user", version.removeprefix("v").replace("_", "."), requires=(text,))

    return publish


def refreshed(world: World, recipe: Recipe) -> Refreshed:
    return refresh_recipe(msgspec.structs.replace(recipe, derive=DERIVE), world.facts(), world.session().reader)


@pytest.mark.parametrize(
    ("users", "wanted"),
    [
        ({"v2_9_1": "==1.0"}, "==2.9.1"),
        ({"v2_9_0": "==0.9", "v2_9_1": "==1.0", "v2_10_0": "==1.0", "v2_11_0": "==2"}, ">=2.9.1,<2.11"),
        ({"v2_10_0": "==1.0", "v2_11_0": "==1.0", "v2_12_0": "==2"}, ">=2.10,<2.12"),
        ({"v2_12_0": "==1.0", "v2_12_1": "==2"}, "==2.12.0"),
        ({"v2_14_0": "~=1.0", "v2_14_1": "~=1.0", "v2_15_0": "~=2.0"}, "==2.14.*"),
        ({"v2_15_0": "~=1.0"}, "==2.15.*"),
        ({"v2_14_0": "==1.0", "v2_15_0": "~=1.0"}, ">=2.14,<2.16"),
        ({"v2_14_0": "==1.0", "v2_14_1": "==2", "v2_14_2": "==1.0"}, "==2.14.*,!=2.14.1"),
        ({"v2_14_0": ">=1,!=9", "v2_15_0": ">=2"}, "==2.14.*"),
    ],
)
def test_the_releases_that_require_it_become_a_range(
    world: World, recipe: Recipe, publish: Callable[..., None], users: dict[str, str], wanted: str
) -> None:
    world.release("1.0")
    publish(**users)
    assert refreshed(world, recipe).recipe.releases[0].requires == {"user": wanted}


def test_a_new_release_that_none_requires_is_not_recorded(
    world: World, recipe: Recipe, publish: Callable[..., None]
) -> None:
    world.release("1.0")
    world.release("1.1")
    publish(v2_0_0="==1.0")
    result = refreshed(world, recipe)
    assert [row.version for row in result.recipe.releases] == ["1.0"]
    (gap,) = result.gaps
    assert (gap.fact, gap.reason) == ("frame 1.1", "not recorded: no release of `user` requires it")


def test_a_known_row_follows_what_is_published_later(
    world: World, recipe: Recipe, publish: Callable[..., None]
) -> None:
    world.release("1.0")
    publish(v2_0_0="~=1.0")
    known = refreshed(world, recipe).recipe
    publish(v2_1_0="~=1.0")
    result = refreshed(world, known)
    assert [change.text for change in result.changes] == ["requires user ==2.0.* → >=2.0,<2.2"]
    assert refreshed(world, result.recipe).changes == ()


def test_a_package_that_the_index_does_not_have_is_an_error_that_names_it(world: World, recipe: Recipe) -> None:
    world.release("1.0")
    with pytest.raises(Exception, match="no project `user`"):
        refreshed(world, recipe)
