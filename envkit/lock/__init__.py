"""Locking: `lock_request` turns a resolution into exact packages with hashes."""

from envkit.lock.request import Earlier, lock_request

__all__ = ["Earlier", "lock_request"]
