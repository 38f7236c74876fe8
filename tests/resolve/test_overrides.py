"""Facts replaced by hand."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.errors import UsageError
from envkit.model.host import ContainerEngine, HostFacts, Runtime
from envkit.model.matrix import Matrix
from envkit.model.resolution import Resolution
from envkit.resolve import override_facts, target_facts

Ask = Callable[..., Resolution]


@pytest.fixture
def facts(matrix: Matrix) -> HostFacts:
    made = target_facts("rtx 5090,driver=470.256.02,os=ubuntu-24.04", matrix)
    assert made.stacks is not None
    stack = replace(made.stacks[0], runtime_ceiling=Runtime(name="cuda", version="11.4"))
    return replace(made, stacks=(stack,), engines=(ContainerEngine(name="docker", usable=False),))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("stacks.nvidia.driver=580.65.06", lambda facts: facts.stacks[0].driver == "580.65.06"),
        ("stacks[0].driver=580.65.06", lambda facts: facts.stacks[0].driver == "580.65.06"),
        ("devices[0].architecture=sm_90", lambda facts: facts.devices[0].architecture == "sm_90"),
        ("devices[0].memory_mib=81920", lambda facts: facts.devices[0].memory_mib == 81920),
        ("devices[0].usable=false", lambda facts: facts.devices[0].usable is False),
        ("os.libc.version=2.28", lambda facts: facts.os.libc.version == "2.28"),
        ("os.kernel=6.8.0", lambda facts: facts.os.kernel == "6.8.0"),
        ("cpu.features=avx, avx2", lambda facts: facts.cpu.features == ("avx", "avx2")),
        ("engines.docker.usable=true", lambda facts: facts.engines[0].usable is True),
        ("stacks.amd.driver=6.3.0", lambda facts: facts.stack("amd").driver == "6.3.0"),
        ("devices=", lambda facts: facts.devices is None),
        ("os.libc=", lambda facts: facts.os.libc is None),
    ],
)
def test_a_fact_is_replaced_and_says_where_it_is_from(
    facts: HostFacts, matrix: Matrix, text: str, read: Callable[[HostFacts], bool]
) -> None:
    changed = override_facts(facts, (text,), matrix)
    assert read(changed)
    assert (changed.evidence[0].fact, changed.evidence[0].source) == (text.partition("=")[0], "--fact")


def test_another_driver_takes_back_what_the_old_one_said_of_its_runtime(facts: HostFacts, matrix: Matrix) -> None:
    changed = override_facts(facts, ("stacks.nvidia.driver=580.65.06",), matrix)
    assert changed.stacks is not None
    assert changed.stacks[0].runtime_ceiling is None
    both = ("stacks.nvidia.driver=580.65.06", "stacks.nvidia.runtime_ceiling.version=13.0")
    kept = override_facts(facts, both, matrix).stacks
    assert kept is not None
    assert kept[0].runtime_ceiling == Runtime(name="cuda", version="13.0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stacks.nvidia.drivr=580", "did you mean `stacks.nvidia.driver`?"),
        ("stack.nvidia.driver=580", "did you mean `stacks.nvidia.driver`?"),
        ("devices[7].architecture=sm_90", "did you mean `devices[0].architecture`?"),
        ("stacks.nvida.driver=580", "did you mean `stacks.nvidia.driver`?"),
        ("devices[0].memory_mib=much", "`devices[0].memory_mib` takes a whole number: much"),
        ("devices[0].usable=perhaps", "`devices[0].usable` takes `true` or `false`: perhaps"),
        ("devices[0].vendor=", "`devices[0].vendor` takes a text"),
        ("devices=3", "`devices` holds records"),
        ("os.libc.version.major=2", "no fact has this path: os.libc.version.major"),
        ("devices.architecture", "not a fact: devices.architecture"),
        ("findings=", "no fact has this path: findings"),
    ],
)
def test_a_path_or_value_that_makes_no_sense_is_named(facts: HostFacts, matrix: Matrix, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        override_facts(facts, (text,), matrix)
    assert words in "\n".join((caught.value.message, *caught.value.hints))


def test_facts_that_belong_together_are_given_together(matrix: Matrix) -> None:
    with pytest.raises(UsageError, match="do not go together"):
        override_facts(HostFacts(), ("os.libc.version=2.28",), matrix)
    all_of_them = ("os.libc.version=2.28", "os.libc.family=glibc", "os.system=linux")
    changed = override_facts(HostFacts(), all_of_them, matrix)
    assert changed.os is not None
    assert changed.os.libc is not None


def test_a_replaced_fact_is_blamed_with_its_source(ask_real: Ask, facts: HostFacts, matrix: Matrix) -> None:
    old = override_facts(facts, ("stacks.nvidia.driver=550.54.15",), matrix)
    refused = ask_real(old, "pytorch", on="nvidia")
    assert (refused.blame[0].fact, refused.blame[0].source) == ("driver", "--fact")
    new = override_facts(facts, ("stacks.nvidia.driver=580.65.06",), matrix)
    assert ask_real(new, "pytorch", on="nvidia").chosen is not None
