"""The processor: instructions, page size, and whether wheels exist for it."""

import re

from envkit.diagnose.examination import Answer, Examination, unknown

_MAPS = "/proc/self/smaps"
_PAGE = re.compile(r"^KernelPageSize:\s+(?P<kib>\d{1,9}) kB", re.MULTILINE)
_USUAL_KIB = 16  # Apple's processors have 16, and what runs there is built for it


def check_architecture(examination: Examination) -> Answer:
    """Look whether frameworks publish wheels for the architecture."""
    cpu = examination.facts.cpu
    if cpu is None:
        return unknown("not known", "facts.cpu")
    if cpu.architecture in examination.thresholds.architectures:
        return Answer(cpu.level or cpu.architecture, "facts.cpu")
    evidence = f"the processor's architecture is {cpu.architecture}"
    findings = examination.finding(
        "architecture-without-wheels", "cpu.architecture", evidence, architecture=cpu.architecture
    )
    return Answer(cpu.architecture, "facts.cpu", findings)


def check_instructions(examination: Examination) -> Answer:
    """Look for AVX2, which much software takes for granted on x86."""
    cpu = examination.facts.cpu
    if cpu is None or not cpu.features:
        return unknown("instructions not known", "facts.cpu.features")
    if cpu.architecture != "x86_64" or "avx2" in cpu.features:
        return Answer("usual instructions", "facts.cpu.features")
    evidence = f"avx2 is not among the features of {cpu.model or 'the processor'}"
    return Answer("no AVX2", "facts.cpu.features", examination.finding("cpu-without-avx2", "cpu.features", evidence))


def check_pages(examination: Examination) -> Answer:
    """Look at the kernel's page size."""
    match = _PAGE.search(examination.host.read(_MAPS, limit=4096).text or "")
    if match is None:
        return unknown("page size not known", _MAPS)
    kib = int(match["kib"])
    seen = f"pages of {kib} KiB"
    if kib <= _USUAL_KIB:
        return Answer(seen, _MAPS)
    evidence = f"{_MAPS} says KernelPageSize {kib} kB"
    return Answer(seen, _MAPS, examination.finding("pages-64k", "cpu", evidence))


CHECKS = (check_architecture, check_instructions, check_pages)
