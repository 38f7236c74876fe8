"""Locking: `lock_request` turns a resolution into exact packages with hashes."""

from envkit.lock.request import lock_request
from envkit.lock.requirements import requirements_text

__all__ = ["lock_request", "requirements_text"]
