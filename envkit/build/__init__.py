"""Building: a plan becomes an image, or a native environment that is not yet in place."""

from envkit.engines.protocol import BuildContext, Engine
from envkit.model.environment import Built
from envkit.model.plan import Plan


def build_environment(engine: Engine, plan: Plan, context: BuildContext) -> Built:
    """Build a plan on an engine, an image from the files that its builder takes.

    Raises `BuildError`, `StorageError`, `EngineNotReadyError`; `DataError` for a value that has no place in the files.
    """
    return engine.build(plan, context)
