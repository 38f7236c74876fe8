"""A lock as pip's requirements with hashes, for image builds."""

from envkit.model.lock import Lock


def requirements_text(lock: Lock) -> str:
    """Return one `name==version --hash=sha256:…` line for each package, sorted by name."""
    packages = sorted(lock.packages, key=lambda package: package.name)
    return "".join(f"{package.name}=={package.version} --hash=sha256:{package.file.sha256}\n" for package in packages)
