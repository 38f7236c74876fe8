"""What this machine has: operating system, processor, accelerators, container engines, Pythons."""

from envkit.detect.host import detect_host

__all__ = ["detect_host"]
