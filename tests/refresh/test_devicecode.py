import random
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.refresh.devicecode import DeviceCode, find_code, find_list, from_names

MakeCode = Callable[..., bytes]


def in_pieces(body: bytes, length: int) -> Iterator[bytes]:
    return (body[position : position + length] for position in range(0, len(body), length))


@pytest.mark.parametrize("length", [1, 7, 64, 100_000])
def test_containers_of_a_binary_are_joined_however_its_bytes_arrive(
    device_code: MakeCode, elf: MakeCode, length: int
) -> None:
    body = elf(b"\0" * 100 + device_code((80, 90)) + b"\0" * 333 + device_code((75,), (90,)))
    assert find_code(in_pieces(body, length)) == DeviceCode(architectures=("sm_75", "sm_80", "sm_90"), ptx=("sm_90",))


def test_a_binary_without_device_code_is_not_one_for_no_device(elf: MakeCode) -> None:
    assert find_code(iter((elf(b"nothing here"),))) is None


def test_the_section_that_a_linker_makes_is_read(tmp_path: Path, device_code: MakeCode) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    numbers = ",".join(str(byte) for byte in device_code((86, 120), (120,)))
    source = tmp_path / "code.c"
    source.write_text(
        f'const unsigned char code[] __attribute__((section(".nv_fatbin"), aligned(8), used)) = {{{numbers}}};\n'
    )
    library = tmp_path / "libcode.so"
    subprocess.run([compiler, "-shared", "-nostdlib", "-o", str(library), str(source)], check=True)
    body = library.read_bytes()
    assert b".nv_fatbin" in body
    assert find_code(iter((body,))) == DeviceCode(architectures=("sm_86", "sm_120"), ptx=("sm_120",))


def test_reading_ends_when_sixty_containers_brought_nothing_new(device_code: MakeCode) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for number in range(1000):
            read = number
            yield device_code((80, 90) if number else (80, 90, 75))

    assert find_code(pieces()) == DeviceCode(architectures=("sm_75", "sm_80", "sm_90"), ptx=())
    assert 55 < read < 70


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 2**32))
def test_noise_with_the_mark_in_it_ends_without_a_failure(device_code: MakeCode, noise: list[bytes], seed: int) -> None:
    mark = device_code((80,))[:4]
    body = bytearray(mark.join([b"", *noise, device_code((80, 90), (90,))]))
    generator = random.Random(seed)  # noqa: S311 - noise
    for _ in range(3):
        body[generator.randrange(len(body))] = generator.randrange(256)
    find_code(in_pieces(bytes(body), 50))


def test_the_list_of_a_binary_is_found_and_nothing_after_it_is_read() -> None:
    body = b"\0sm_80\0" + b"x" * 5000 + b"\0sm_50 sm_80 sm_90a compute_90\0" + b"y" * 100_000
    rest = in_pieces(body, 1000)
    assert find_list(rest) == DeviceCode(architectures=("sm_50", "sm_80", "sm_90"), ptx=("sm_90",))
    assert len(b"".join(rest)) > 98_000


def test_no_list_is_none() -> None:
    assert find_list(iter((zlib.compress(b"nothing"),))) is None


def test_a_list_in_which_ptx_stands_for_machine_code_as_well() -> None:
    assert from_names(iter(("sm_80", "compute_90", "?")), both=True) == DeviceCode(
        architectures=("sm_80", "sm_90"), ptx=("sm_90",)
    )
