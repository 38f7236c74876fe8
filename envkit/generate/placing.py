"""Sources of mounts, relative where they lie in the directory that an output is written into."""

from envkit.model.plan import Plan


def place_below(plan: Plan, source: str, here: str) -> str:
    """Return the source of a mount, with `here` in the place of the output's directory."""
    if plan.directory is None:
        return source
    directory = plan.directory.rstrip("/")
    inside = source == directory or source.startswith(f"{directory}/")
    return f"{here}{source.removeprefix(directory)}" if inside else source
