"""A lock as a project that uv installs by names and hashes."""

import tomllib

from envkit.engines.backends.native_requirements import constraint_lines, project_text
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import PackageIndex
from envkit.model.sources import PackageSources, Setting

PUBLIC = "https://download.example.org/cu1"


def plan(path: str | None = None) -> Plan:
    file = LockedFile(filename="torch-2.0+cu1-py3-none-any.whl", sha256="a" * 64, path=path)
    other = LockedFile(filename="numpy-2.0-py3-none-any.whl", sha256="b" * 64)
    lock = Lock(
        python="3.12",
        platform="x86_64-manylinux_2_36",
        packages=(
            LockedPackage(name="numpy", version="2.0", file=other),
            LockedPackage(name="torch", version="2.0+cu1", file=file),
        ),
        pylock="",
        sha256="",
        portable=True,
    )
    return Plan(
        name="demo",
        mode=Mode.NATIVE,
        vendor="cpu",
        variant="cpu",
        python="3.12",
        packages={},
        lock=lock,
        smoke=(),
        fingerprint="f",
        indexes=(PackageIndex(name="own", url=PUBLIC, packages=("torch", "triton")),),
    )


def test_each_index_serves_its_packages_alone_and_each_package_has_its_hash() -> None:
    document = tomllib.loads(project_text(plan(), PackageSources()))
    assert document["project"]["dependencies"] == ["numpy==2.0", "torch==2.0+cu1"]
    assert document["tool"]["uv"]["sources"] == {"torch": {"index": "own"}}
    assert document["tool"]["uv"]["index"] == [{"name": "own", "url": PUBLIC, "explicit": True}]
    assert constraint_lines(plan()).splitlines() == [
        f"numpy==2.0 --hash=sha256:{'b' * 64}",
        f"torch==2.0+cu1 --hash=sha256:{'a' * 64}",
    ]


def test_a_mirror_stands_for_the_public_index() -> None:
    sources = PackageSources(named_indexes={"own": Setting(value="https://me:w@mirror.example.com/cu1", origin="test")})
    document = tomllib.loads(project_text(plan(), sources))
    assert document["tool"]["uv"]["index"][0]["url"] == "https://me:w@mirror.example.com/cu1"


def test_what_lies_here_or_may_not_be_asked_for_has_no_index() -> None:
    for made, sources in ((plan("/wheels/torch.whl"), PackageSources()), (plan(), PackageSources(no_index=True))):
        document = tomllib.loads(project_text(made, sources))
        assert document["tool"]["uv"] == {"sources": {}}
