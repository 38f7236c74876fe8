"""What can be wrong with the compatibility data beyond its types: all faults of all files in one report."""

from envkit.data.checking.check import check_files
from envkit.data.checking.places import files_at, files_in_use
from envkit.data.checking.report import CheckReport, DataFault

__all__ = ["CheckReport", "DataFault", "check_files", "files_at", "files_in_use"]
