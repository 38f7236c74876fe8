"""What is missing on a host: the plan, its script, and CDI specifications."""

from envkit.setup.cdi import Written, make_specification
from envkit.setup.planner import plan_setup
from envkit.setup.script import render_script

__all__ = ["Written", "make_specification", "plan_setup", "render_script"]
