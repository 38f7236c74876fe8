"""Locking: `lock_request` turns a resolution into exact packages with hashes."""

from envkit.lock.request import lock_request

__all__ = ["lock_request"]
