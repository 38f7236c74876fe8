"""The resolve stage: which build of a framework fits a host, and why; pure, with no effect beyond its answer."""

from envkit.resolve.overrides import override_facts
from envkit.resolve.resolver import resolve_request
from envkit.resolve.spec import parse_doubt, parse_spec
from envkit.resolve.targets import target_facts

__all__ = ["override_facts", "parse_doubt", "parse_spec", "resolve_request", "target_facts"]
