"""What is wrong on a host, and what is well: `envkit doctor`."""

from envkit.diagnose.run import diagnose_host

__all__ = ["diagnose_host"]
