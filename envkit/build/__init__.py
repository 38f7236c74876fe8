"""Building: a plan becomes an image, or a native environment that is not yet in place."""

import msgspec

from envkit.engines.protocol import BuildContext, Engine
from envkit.generate import generate_artifacts
from envkit.model.environment import Built
from envkit.model.plan import Plan
from envkit.model.request import Mode


def build_environment(engine: Engine, plan: Plan, context: BuildContext) -> Built:
    """Build a plan on an engine, an image from the files that are generated for it.

    Raises `BuildError`, `StorageError`, `EngineNotReadyError`; `DataError` for a value that has no place in the files.
    """
    if plan.mode is Mode.CONTAINER and context.artifacts is None:
        context = msgspec.structs.replace(context, artifacts=generate_artifacts(plan, "dockerfile"))
    return engine.build(plan, context)
