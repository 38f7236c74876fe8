"""What the names of wheels say."""

from envkit.refresh.wheels import linux_wheels, pythons_of
from envkit.system.listing import IndexFile, Listing


def test_a_wheel_for_one_interpreter_on_any_platform_is_for_that_python_alone() -> None:
    file = IndexFile(name="mind-2.10.0-cp310-none-any.whl", url="http://index.example/mind.whl")
    (wheel,) = linux_wheels(Listing(project="mind", files=(file,)))
    assert (wheel.architecture, wheel.libc) == (None, None)
    assert pythons_of((wheel,), ("3.9", "3.10", "3.11")) == ("3.10",)
