from pathlib import Path

from envkit.model.availability import LocalWheel
from envkit.model.sources import PackageSources, Setting
from envkit.system.wheelhouse import scan_wheelhouses


def test_wheels_are_read_from_their_names_and_other_files_passed_over(tmp_path: Path) -> None:
    name = "Torch_X-2.13.0+cpu-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    for file in (name, "broken-name.whl", "torch-1.tar.gz"):
        (tmp_path / file).touch()
    wheelhouses = (
        Setting(value=str(tmp_path), origin="PIP_FIND_LINKS"),
        Setting(value="https://host/links.html", origin="x"),
    )
    assert scan_wheelhouses(PackageSources(wheelhouses=wheelhouses)) == (
        LocalWheel(
            package="torch-x",
            version="2.13.0+cpu",
            python_tags=("cp311",),
            abi_tags=("cp311",),
            platform_tags=("manylinux2014_x86_64", "manylinux_2_17_x86_64"),
            path=str(tmp_path / name),
            origin="PIP_FIND_LINKS",
        ),
    )
