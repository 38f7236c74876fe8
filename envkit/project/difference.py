"""What differs between two locks of a project, profile by profile."""

from collections.abc import Iterator, Mapping

from envkit.model.lock import Lock
from envkit.model.project_lock import LockedProfile
from envkit.model.value import Value


class Change(Value):
    """One thing that is not the same; None: it is not there."""

    name: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        """Return the change as people read it."""
        if self.before is None:
            return f"+ {self.name} {self.after}"
        return f"- {self.name} {self.before}" if self.after is None else f"~ {self.name} {self.before} -> {self.after}"


class ProfileDifference(Value):
    """What differs in one profile."""

    name: str
    added: bool = False
    removed: bool = False
    settings: tuple[Change, ...] = ()  # vendor, build, Python, base image, host range
    packages: tuple[Change, ...] = ()
    system_packages: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Tell whether nothing differs."""
        return not (self.added or self.removed or self.settings or self.packages or self.system_packages)


class LockDifference(Value, tag_field="format", tag="envkit-lock-diff/1"):
    """What differs between two locks; profiles that are the same are left out."""

    before: str  # what was compared: a path, or a revision
    after: str
    profiles: tuple[ProfileDifference, ...] = ()


class Side(Value):
    """One of two locks: its profiles with their packages, None where the file with them cannot be had."""

    title: str
    profiles: dict[str, LockedProfile]
    packages: dict[str, Lock | None]


def compare_locks(before: Side, after: Side) -> LockDifference:
    """Return what differs."""
    names = sorted({*before.profiles, *after.profiles})
    compared = (_compare_profile(name, before, after) for name in names)
    return LockDifference(
        before=before.title, after=after.title, profiles=tuple(each for each in compared if not each.empty)
    )


def describe_difference(difference: LockDifference) -> str:
    """Return a difference as lines for people; empty where nothing differs."""
    return "".join(f"{line}\n" for profile in difference.profiles for line in _lines(profile))


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what was added, removed and changed, by name."""
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def _lines(profile: ProfileDifference) -> Iterator[str]:
    word = " (added)" if profile.added else " (removed)" if profile.removed else ""
    yield f"profile {profile.name}{word}"
    for title, changes in (
        ("", profile.settings),
        ("packages", profile.packages),
        ("system packages", profile.system_packages),
    ):
        if changes and title:
            yield f"  {title}"
        yield from (f"  {'  ' if title else ''}{change}" for change in changes)


def _compare_profile(name: str, before: Side, after: Side) -> ProfileDifference:
    old, new = before.profiles.get(name), after.profiles.get(name)
    return ProfileDifference(
        name=name,
        added=old is None,
        removed=new is None,
        settings=changes_between(_settings(old), _settings(new)),
        packages=_package_changes(before.packages.get(name), after.packages.get(name), old, new),
        system_packages=changes_between(_system(old), _system(new)),
    )


def _package_changes(
    before: Lock | None, after: Lock | None, old: LockedProfile | None, new: LockedProfile | None
) -> tuple[Change, ...]:
    if old is not None and new is not None and (before is None or after is None):
        # Without one of the files the hashes still tell whether they are the same.
        hashes = changes_between({"file": old.packages.sha256}, {"file": new.packages.sha256})
        return tuple(Change(name="pylock.toml", before=each.before, after=each.after) for each in hashes)
    changes = []
    theirs, ours = _files(before), _files(after)
    for name in sorted({*theirs, *ours}):
        was, now = theirs.get(name), ours.get(name)
        if was == now:
            continue
        same_version = was is not None and now is not None and was[0] == now[0]
        shown = [each if each is None else f"{each[0]} ({each[1]})" if same_version else each[0] for each in (was, now)]
        changes.append(Change(name=name, before=shown[0], after=shown[1]))
    return tuple(changes)


def _files(lock: Lock | None) -> dict[str, tuple[str, str]]:
    return {
        package.name: (package.version, f"{package.file.filename}, sha256 {package.file.sha256[:12]}")
        for package in (lock.packages if lock is not None else ())
    }


def _settings(profile: LockedProfile | None) -> dict[str, str]:
    chosen = profile.resolution.chosen if profile is not None else None
    if profile is None or chosen is None:
        return {}
    base = profile.base
    settings = {
        "vendor": chosen.vendor,
        "build": chosen.variant,
        "python": chosen.python,
        "mode": str(profile.mode),
        "platform": profile.platform,
        "base image": base.image if base is not None else None,
        "base digest": base.digest if base is not None else None,
        "driver": profile.holds.driver,
        "matrix": profile.resolution.matrix.revision,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _system(profile: LockedProfile | None) -> dict[str, str]:
    packages = (profile.system_packages or ()) if profile is not None else ()
    return {package.name: package.version or "any version" for package in packages}
