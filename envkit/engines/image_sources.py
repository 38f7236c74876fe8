"""How the user's package sources reach the build of an image: as pip's settings in a secret, and as proxy variables.

None of it is in the image or decides what is in it: every wheel is checked against the hash in the lock.
"""

from urllib.parse import urlsplit

from envkit.data import load_mirrors
from envkit.model.address import mirrored_url
from envkit.model.loopback import is_loopback
from envkit.model.plan import Plan
from envkit.model.sources import PackageSources, Setting
from envkit.model.text import check_text

# Where the generated Dockerfile mounts them.
WHEELHOUSE = "/wheelhouse"
CERTIFICATE = "/run/secrets/ca.pem"


def pip_configuration(plan: Plan, sources: PackageSources) -> str:
    """Return pip's configuration file for the build; raises `UnsafeTextError` for a value with control characters."""
    options: list[tuple[str, tuple[str, ...]]] = [
        ("index-url", () if sources.index is None else _remote((sources.index,))),
        ("extra-index-url", (*_remote(sources.extra_indexes), *_recipe_indexes(plan, sources))),
        ("find-links", (WHEELHOUSE, *_remote(sources.wheelhouses))),
        ("no-index", ("true",) if _needs_no_index(plan, sources) else ()),
        ("cert", () if sources.certificate is None else (CERTIFICATE,)),
        ("trusted-host", tuple(setting.value for setting in sources.trusted_hosts)),
        ("timeout", () if sources.timeout_seconds is None else (f"{sources.timeout_seconds:g}",)),
    ]
    lines = ["[global]"]
    for name, values in options:
        checked = [check_text(value, f"the setting `{name}`") for value in dict.fromkeys(values)]
        if checked:
            # Further values stand on lines of their own, but pip takes no line break before a single one.
            lines.append(f"{name} = " + "\n    ".join(checked))
    return "\n".join(lines) + "\n"


def proxy_variables(sources: PackageSources) -> dict[str, str]:
    """Return the proxies as the build arguments that BuildKit keeps out of image, history and cache."""
    return {f"{scheme.upper()}_PROXY": setting.value for scheme, setting in sorted(sources.proxies.items())}


def uses_loopback(sources: PackageSources) -> bool:
    """Tell whether a server of the sources listens only on this machine, where the bridge network does not lead."""
    servers = (
        sources.index,
        *sources.extra_indexes,
        *sources.wheelhouses,
        *sources.named_indexes.values(),
        *sources.mirrors.values(),
    )
    proxies = (setting for scheme, setting in sources.proxies.items() if scheme != "no")
    addresses = (setting.value for setting in (*servers, *proxies) if setting is not None)
    return any(is_loopback(urlsplit(address).hostname or "") for address in addresses)


def _recipe_indexes(plan: Plan, sources: PackageSources) -> tuple[str, ...]:
    named, places = sources.named_indexes, load_mirrors().places if sources.mirrors else ()
    mirrors = {place: setting.value for place, setting in sources.mirrors.items()}
    settings = (
        named.get(index.name, Setting(value=mirrored_url(index.url, mirrors, places), origin="matrix"))
        for index in plan.indexes
    )
    return _remote(tuple(settings))


def _remote(settings: tuple[Setting, ...]) -> tuple[str, ...]:
    """Return what can be reached from inside a build; wheels of local directories are in the wheelhouse already."""
    return tuple(setting.value for setting in settings if setting.value.startswith(("http://", "https://")))


def _needs_no_index(plan: Plan, sources: PackageSources) -> bool:
    """Tell whether pip can do without asking an index, which it would otherwise ask for each package."""
    return sources.offline or sources.no_index or all(package.file.path for package in plan.lock.packages)
