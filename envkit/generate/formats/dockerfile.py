"""A Dockerfile and the files that its build needs, in one directory."""

from envkit.generate.image import image_files
from envkit.generate.options import Options
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan

OPTIONS = ("dialect",)


def generate_files(plan: Plan, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the files of the build; raises `UnsatisfiableError` for a plan without a base image, and `DataError`."""
    return image_files(plan, dialect=options.dialect)
