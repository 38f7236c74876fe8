"""Bills of materials: what is in them, and that the validators of both formats take them."""

from collections.abc import Callable

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from envkit.data import load_matrix
from envkit.errors import UnsafeTextError
from envkit.generate import generate_artifacts
from envkit.model.lock import LockedFile, LockedPackage
from envkit.model.plan import Plan, SystemPackage
from envkit.model.resolution import Base, PackageIndex

MakePlan = Callable[..., Plan]
INDEX = "https://download.pytorch.org/whl/cu128"


def bills(plan: Plan) -> tuple[dict[str, object], dict[str, object]]:
    artifacts = generate_artifacts(plan, "sbom")
    return tuple(msgspec.json.decode(artifacts.text(f"sbom.{kind}.json")) for kind in ("cdx", "spdx"))  # type: ignore[return-value]


def test_cyclonedx_takes_every_bill(output_plan: Plan) -> None:
    text = generate_artifacts(output_plan, "sbom").text("sbom.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_spdx_takes_every_bill(output_plan: Plan) -> None:
    document = JsonLikeDictParser().parse(bills(output_plan)[1])
    assert validate_full_spdx_document(document) == []


def test_both_name_the_base_the_system_packages_and_each_wheel_with_its_hash(container_plan: MakePlan) -> None:
    plan = container_plan(
        locked={"torch": "2.9.1+cu128"},
        indexes=(PackageIndex(name="pytorch-cu128", url=INDEX, packages=("torch",)),),
        system_packages=(SystemPackage(name="git", version="1:2.39.5-0+deb12u2"),),
        package_manager=load_matrix(()).package_manager("apt"),
        base=Base(
            image="python:3.11-slim-bookworm", os="debian-12", digest="sha256:" + "1" * 64, package_manager="apt"
        ),
    )
    cyclonedx, spdx = bills(plan)
    purls = {component["purl"]: component for component in cyclonedx["components"]}  # type: ignore[index, union-attr]
    torch = f"pkg:pypi/torch@2.9.1%2Bcu128?repository_url={INDEX}"
    assert set(purls) == {
        f"pkg:oci/python@sha256:{'1' * 64}?repository_url=docker.io/library/python&tag=3.11-slim-bookworm",
        "pkg:deb/debian/git@1:2.39.5-0%2Bdeb12u2?distro=debian-12",
        torch,
    }
    sha256 = plan.lock.packages[0].file.sha256
    assert purls[torch]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    packages = {package["name"]: package for package in spdx["packages"]}  # type: ignore[index, union-attr]
    assert packages["torch"]["externalRefs"][0]["referenceLocator"] == torch
    assert packages["torch"]["checksums"] == [{"algorithm": "SHA256", "checksumValue": sha256}]
    relations = {(row["relationshipType"], row["relatedSpdxElement"]) for row in spdx["relationships"]}  # type: ignore[index, union-attr]
    assert ("DESCENDANT_OF", packages["python"]["SPDXID"]) in relations


def test_no_address_of_a_mirror_is_in_a_bill(container_plan: MakePlan) -> None:
    for bill in generate_artifacts(container_plan(), "sbom").files:
        assert "mirror.example.com" not in bill.text


def test_other_contents_give_another_number(container_plan: MakePlan) -> None:
    numbers = {
        bills(container_plan(locked={"torch": version}))[0]["serialNumber"] for version in ("2.9.1", "2.9.1", "2.9.2")
    }
    assert len(numbers) == 2


@pytest.mark.parametrize("name", ["evil\nname", "evil\0", "\u202eevil"])
def test_control_characters_do_not_reach_a_bill(container_plan: MakePlan, name: str) -> None:
    plan = container_plan()
    package = LockedPackage(name=name, version="1", file=LockedFile(filename="x.whl", sha256="0" * 64))
    lock = msgspec.structs.replace(plan.lock, packages=(package,))
    with pytest.raises(UnsafeTextError):
        generate_artifacts(msgspec.structs.replace(plan, lock=lock), "sbom")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/ascend/cann:9.1", "pkg:oci/cann?repository_url=quay.io/ascend/cann&tag=9.1"),
        ("127.0.0.1:5000/a/b:1", "pkg:oci/b?repository_url=127.0.0.1:5000/a/b&tag=1"),
        ("nvidia/cuda:12.8", "pkg:oci/cuda?repository_url=docker.io/nvidia/cuda&tag=12.8"),
    ],
)
def test_an_image_is_named_with_its_registry(container_plan: MakePlan, image: str, expected: str) -> None:
    cyclonedx, _ = bills(container_plan(base=Base(image=image)))
    assert cyclonedx["components"][0]["purl"] == expected  # type: ignore[index]
