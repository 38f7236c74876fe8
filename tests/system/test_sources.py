from pathlib import Path

import pytest

from envkit.errors import DataError, UsageError
from envkit.model.address import display_url, restore_credentials
from envkit.model.project import SourcesTable
from envkit.model.sources import PackageSources, Setting
from envkit.system.constraints import read_constraints
from envkit.system.sources import read_sources
from envkit.system.uv import source_variables


class Machine:
    """A home and a system directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.system = directory / "etc"

    def write(self, path: str, text: str) -> Path:
        file = self.home.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def read(
        self,
        environment: dict[str, str] | None = None,
        *,
        wheelhouses: tuple[str, ...] = (),
        project: SourcesTable | None = None,
        offline: bool = False,
    ) -> PackageSources:
        return read_sources(
            environment or {},
            home=str(self.home),
            system=str(self.system),
            wheelhouses=wheelhouses,
            project=project,
            offline=offline,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_settings_everything_is_the_default(machine: Machine) -> None:
    assert machine.read() == PackageSources()


def test_user_file_is_stronger_than_system_file_and_names_itself(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nindex-url = https://system/simple\n")
    assert machine.read().index == Setting(
        value="https://system/simple", origin=f"{machine.system}/pip.conf [global] index-url"
    )
    user = machine.write("home/.config/pip/pip.conf", "[global]\nindex-url = https://user/simple\n")
    assert machine.read().index == Setting(value="https://user/simple", origin=f"{user} [global] index-url")


def test_install_section_is_stronger_than_global_of_any_file(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[install]\nindex-url = https://install/simple\n")
    machine.write("home/.pip/pip.conf", "[global]\nindex-url = https://global/simple\n")
    index = machine.read().index
    assert index is not None
    assert index.value == "https://install/simple"


def test_xdg_directories_of_the_environment_are_read(machine: Machine) -> None:
    machine.write("shared/pip/pip.conf", "[global]\nindex-url = https://shared/simple\n")
    machine.write("own/pip/pip.conf", "[global]\nextra-index-url = https://own/simple\n")
    base = machine.home.parent
    sources = machine.read({"XDG_CONFIG_DIRS": str(base / "shared"), "XDG_CONFIG_HOME": str(base / "own")})
    assert sources.index is not None
    assert (sources.index.value, sources.extra_indexes[0].value) == ("https://shared/simple", "https://own/simple")


def test_named_configuration_file_replaces_the_users_files(machine: Machine) -> None:
    machine.write("home/.config/pip/pip.conf", "[global]\nextra-index-url = https://user/simple\n")
    named = machine.write("named.conf", "[global]\nindex-url = https://named/simple\n")
    sources = machine.read({"PIP_CONFIG_FILE": str(named)})
    assert sources.index == Setting(value="https://named/simple", origin=f"{named} [global] index-url")
    assert sources.extra_indexes == ()


def test_null_device_as_configuration_file_switches_pips_files_off(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nindex-url = https://system/simple\n")
    assert machine.read({"PIP_CONFIG_FILE": "/dev/null"}).index is None


def test_each_layer_overrides_the_next(machine: Machine) -> None:
    machine.write("home/.config/pip/pip.conf", "[global]\nindex-url = https://file/simple\n")
    environment = {"PIP_INDEX_URL": "https://pip/simple"}
    assert machine.read(environment).index == Setting(value="https://pip/simple", origin="PIP_INDEX_URL")
    environment["UV_INDEX_URL"] = "https://old-uv/simple"
    assert machine.read(environment).index == Setting(value="https://old-uv/simple", origin="UV_INDEX_URL")
    environment["UV_DEFAULT_INDEX"] = "https://uv/simple"
    assert machine.read(environment).index == Setting(value="https://uv/simple", origin="UV_DEFAULT_INDEX")
    index = machine.read(environment, project=SourcesTable(index="https://project/simple")).index
    assert index == Setting(value="https://project/simple", origin="project file `sources.index`")


def test_empty_values_are_no_values(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nindex-url = https://system/simple\n")
    index = machine.read({"PIP_INDEX_URL": "", "UV_DEFAULT_INDEX": ""}).index
    assert index is not None
    assert index.value == "https://system/simple"


def test_extra_indexes_of_pip_compete_by_version_as_in_pip(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nextra-index-url =\n    https://one/simple\n    https://two/simple\n")
    sources = machine.read()
    assert [setting.value for setting in sources.extra_indexes] == ["https://one/simple", "https://two/simple"]
    assert sources.best_match
    assert source_variables(sources)["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_extra_indexes_of_uv_come_first_and_the_first_wins_as_in_uv(machine: Machine) -> None:
    environment = {"UV_INDEX": "https://one/simple https://two/simple", "PIP_EXTRA_INDEX_URL": "https://pip/simple"}
    sources = machine.read(environment)
    assert [setting.value for setting in sources.extra_indexes] == ["https://one/simple", "https://two/simple"]
    assert not sources.best_match


def test_strategy_set_for_uv_decides(machine: Machine) -> None:
    pip = {"PIP_EXTRA_INDEX_URL": "https://pip/simple", "UV_INDEX_STRATEGY": "first-index"}
    assert not machine.read(pip).best_match
    assert machine.read({"UV_INDEX": "https://a/simple", "UV_INDEX_STRATEGY": "unsafe-best-match"}).best_match


def test_uv_file_is_read_with_its_pip_section_first(machine: Machine) -> None:
    file = machine.write(
        "home/.config/uv/uv.toml",
        """
        find-links = ["wheels", "https://page.example/links.html"]
        [[index]]
        name = "main"
        url = "https://main/simple"
        default = true
        [[index]]
        name = "more"
        url = "https://more/simple"
        [[index]]
        name = "pytorch-cu128"
        url = "https://mirror/cu128"
        explicit = true
        [pip]
        index-url = "https://pip-section/simple"
        """,
    )
    (file.parent / "wheels").mkdir()
    sources = machine.read()
    assert sources.index == Setting(value="https://pip-section/simple", origin=f"{file} [pip] index-url")
    assert [setting.value for setting in sources.extra_indexes] == ["https://more/simple"]
    assert sources.named_indexes["pytorch-cu128"].value == "https://mirror/cu128"
    assert [setting.value for setting in sources.wheelhouses] == [
        str(file.parent / "wheels"),
        "https://page.example/links.html",
    ]


def test_system_file_of_uv_counts_after_the_users(machine: Machine) -> None:
    machine.write("etc/uv/uv.toml", 'index-url = "https://system/simple"\nextra-index-url = ["https://extra/simple"]\n')
    machine.write("home/.config/uv/uv.toml", 'index-url = "https://user/simple"\n')
    sources = machine.read()
    assert sources.index is not None
    assert sources.index.value == "https://user/simple"
    assert [setting.value for setting in sources.extra_indexes] == ["https://extra/simple"]
    assert machine.read({"UV_NO_CONFIG": "1"}) == PackageSources()


def test_credentials_of_a_named_uv_index_are_put_into_its_address(machine: Machine) -> None:
    sources = machine.read(
        {
            "UV_INDEX": "my-index=https://host/simple",
            "UV_INDEX_MY_INDEX_USERNAME": "me",
            "UV_INDEX_MY_INDEX_PASSWORD": "p@ss/word",
        }
    )
    assert sources.extra_indexes[0].value == "https://me:p%40ss%2Fword@host/simple"


def test_wheelhouses_of_all_tools_count_strongest_first_and_once(machine: Machine) -> None:
    directories = [machine.home / name for name in ("flag", "project", "uv", "pip")]
    for directory in directories:
        directory.mkdir(parents=True)
    flag, project, uv, pip = map(str, directories)
    sources = machine.read(
        {"UV_FIND_LINKS": f"{uv},{flag}", "PIP_FIND_LINKS": f"{Path(pip).as_uri()} ~/pip"},
        wheelhouses=(flag,),
        project=SourcesTable(wheelhouse=project),
    )
    assert [(setting.value, setting.origin) for setting in sources.wheelhouses] == [
        (flag, "--wheelhouse"),
        (project, "project file `sources.wheelhouse`"),
        (uv, "UV_FIND_LINKS"),
        (pip, "PIP_FIND_LINKS"),
    ]


def test_missing_wheelhouse_is_refused_where_it_was_asked_for_and_noted_where_it_was_configured(
    machine: Machine,
) -> None:
    with pytest.raises(UsageError, match="no such directory for `--wheelhouse`: /no/such"):
        machine.read(wheelhouses=("/no/such",))
    with pytest.raises(DataError, match=r"sources.wheelhouse.*: /no/such"):
        machine.read(project=SourcesTable(wheelhouse=("/no/such",)))
    sources = machine.read({"PIP_FIND_LINKS": "/no/such"})
    assert sources.wheelhouses == ()
    assert sources.notes == ("no such wheelhouse, ignored as pip does: `/no/such` from PIP_FIND_LINKS",)


def test_certificate_of_uv_comes_before_that_of_pip_and_a_missing_file_is_passed_over(machine: Machine) -> None:
    bundle = machine.write("ca.pem", "x")
    other = machine.write("other.pem", "x")
    machine.write("etc/pip.conf", f"[global]\ncert = {bundle}\n")
    certificate = machine.read({"SSL_CERT_FILE": "/no/such.pem"}).certificate
    assert certificate == Setting(value=str(bundle), origin=f"{machine.system}/pip.conf [global] cert")
    assert "SSL_CERT_FILE" in machine.read({"SSL_CERT_FILE": "/no/such.pem"}).notes[0]
    assert machine.read({"PIP_CERT": str(other)}).certificate == Setting(value=str(other), origin="PIP_CERT")
    ssl = machine.read({"SSL_CERT_FILE": str(other), "PIP_CERT": str(bundle)}).certificate
    assert ssl == Setting(value=str(other), origin="SSL_CERT_FILE")
    with pytest.raises(DataError, match="ca_certificate"):
        machine.read(project=SourcesTable(ca_certificate="/no/such.pem"))


def test_proxies_come_from_both_spellings_and_pips_own_comes_first(machine: Machine) -> None:
    environment = {"HTTPS_PROXY": "http://big:1", "https_proxy": "http://small:2", "NO_PROXY": "localhost"}
    proxies = machine.read(environment).proxies
    assert proxies["https"] == Setting(value="http://small:2", origin="https_proxy")
    assert proxies["no"].value == "localhost"
    assert "http" not in proxies
    own = machine.read({**environment, "PIP_PROXY": "user:secret@proxy:3"}).proxies
    assert own["http"].value == own["https"].value == "http://user:secret@proxy:3"


def test_switches_times_and_hosts_are_read(machine: Machine) -> None:
    sources = machine.read(
        {"PIP_NO_INDEX": "yes", "PIP_DEFAULT_TIMEOUT": "7", "PIP_TRUSTED_HOST": "a b:8080", "UV_OFFLINE": "1"}
    )
    assert (sources.no_index, sources.offline, sources.timeout_seconds) == (True, True, 7.0)
    assert [setting.value for setting in sources.trusted_hosts] == ["a", "b:8080"]
    assert not machine.read({"PIP_NO_INDEX": "0"}).no_index
    assert machine.read(offline=True).offline
    with pytest.raises(DataError, match="not a number of seconds: `soon` from UV_HTTP_TIMEOUT"):
        machine.read({"UV_HTTP_TIMEOUT": "soon"})


def test_mirrors_of_the_project_replace_named_indexes(machine: Machine) -> None:
    sources = machine.read(project=SourcesTable(indexes={"pytorch-cu128": "https://mirror/cu128"}))
    assert sources.named_indexes == {
        "pytorch-cu128": Setting(value="https://mirror/cu128", origin="project file `sources.indexes.pytorch-cu128`")
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [("home/.config/pip/pip.conf", "index-url = x\n"), ("home/.config/uv/uv.toml", "index-url = [1]\n")],
)
def test_broken_file_is_named(machine: Machine, path: str, text: str) -> None:
    file = machine.write(path, text)
    with pytest.raises(DataError, match=str(file)):
        machine.read()


def test_constraints_are_read_with_their_lines(machine: Machine) -> None:
    file = machine.write("constraints.txt", "# why\ntorch<=2.14.1  # newest here\n\n--hash=x\nnumpy<3\n")
    sources = machine.read({"PIP_CONSTRAINT": f"{file} https://host/constraints.txt"})
    assert [(found.requirement, found.source) for found in read_constraints(sources)] == [
        ("torch<=2.14.1", f"{file}:2"),
        ("numpy<3", f"{file}:5"),
    ]
    with pytest.raises(DataError, match=r"/no/such\.txt") as caught:
        read_constraints(machine.read({"UV_CONSTRAINT": "/no/such.txt"}))
    assert "UV_CONSTRAINT" in caught.value.facts[0]


def test_credentials_are_never_shown_and_can_be_restored(machine: Machine) -> None:
    sources = machine.read({"PIP_INDEX_URL": "https://me:s3cret@host/simple/"})
    assert sources.index is not None
    shown = display_url(sources.index.value)
    assert shown == "https://host/simple/"
    assert display_url("tried https://a:b@c/x, http://t@d/") == "tried https://c/x, http://d/"
    assert restore_credentials("https://host/simple", sources) == "https://me:s3cret@host/simple/"
    assert restore_credentials("https://elsewhere/simple", sources) == "https://elsewhere/simple"


def test_an_index_of_a_foreign_scheme_is_refused_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not by: ftp") as refused:
        read_sources({"PIP_INDEX_URL": "ftp://me:s3cret@host/simple"}, home=str(tmp_path), system=str(tmp_path))
    assert refused.value.facts == ("set by PIP_INDEX_URL",)
    assert "s3cret" not in str(refused.value)
