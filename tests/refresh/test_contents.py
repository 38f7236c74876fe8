import pytest

from envkit.errors import DataError
from envkit.refresh.metadata import exact_pins, find_requirement, read_requirements, requirements_for
from envkit.refresh.modules import read_names

TEXT = """Metadata-Version: 2.1
Name: frame
Requires-Dist: nvidia-cudnn-cu12==9.10.2.21; platform_system == "Linux" and platform_machine == "x86_64"
Requires-Dist: cuda-toolkit[cudart,
 nvrtc]==13.2.2; platform_system == "Linux"
Requires-Dist: triton (>=3)
Requires-Dist: jaxlib<=0.4.36,>=0.4.36
Requires-Dist: nvidia-extra==1; extra == "more"
Requires-Dist: not a requirement at all
Requires-Dist: broken==1; python_version ~~ 3

A text with Requires-Dist: nvidia-fake==1
"""


def test_requirements_hold_for_their_processor_architecture_and_extra() -> None:
    texts = read_requirements(TEXT, "frame.whl")
    assert len(texts) == 7
    on_x86 = requirements_for(texts, architecture="x86_64", python="3.13t")
    assert [requirement.name for requirement in on_x86] == ["nvidia-cudnn-cu12", "cuda-toolkit", "triton", "jaxlib"]
    assert exact_pins(on_x86, ("nvidia-*", "cuda-toolkit")) == {
        "nvidia-cudnn-cu12": "9.10.2.21",
        "cuda-toolkit": "13.2.2",
    }
    on_arm = requirements_for(texts, architecture="aarch64", python="3.12")
    assert exact_pins(on_arm, ("nvidia-*",)) == {}
    more = requirements_for(texts, architecture="x86_64", python="3.12", extra="more")
    assert exact_pins(more, ("nvidia-e*",)) == {"nvidia-extra": "1"}
    assert str(find_requirement(on_x86, "JAXLIB")) == "<=0.4.36,>=0.4.36"
    assert find_requirement(on_x86, "torch") is None


def test_metadata_without_a_name_is_refused() -> None:
    with pytest.raises(DataError, match=r"frame\.whl"):
        read_requirements("<html>", "frame.whl")


def test_names_of_a_module_are_read_in_all_forms_that_frameworks_use() -> None:
    source = b"""
from typing import Optional
__version__ = '2.15.0+cu132'
cuda: Optional[str] = '13.2'
hip: Optional[str] = None
undefined: int
computed = open('/etc/passwd').read()
build = OrderedDict([("cuda_version", "12.5.1"), ("capabilities", ["sm_80", "compute_90"]), ("x", f())])
table = {"cudnn": "9", 3: "three", **other}
"""
    names = read_names(source, "version.py")
    assert names["cuda"] == "13.2"
    assert names["hip"] is None
    assert (names["cuda_version"], names["capabilities"], names["cudnn"]) == ("12.5.1", ["sm_80", "compute_90"], "9")
    assert names.keys().isdisjoint({"computed", "undefined", "x", "build"})


@pytest.mark.parametrize("source", [b"cuda = '", b"\0", b"(" * 60_000, b"\xff\xfe\xfd", b"-" * 60_000 + b"1"])
def test_what_is_no_python_is_an_error_with_the_name(source: bytes) -> None:
    with pytest.raises(DataError, match=r"version\.py"):
        read_names(source, "version.py")
