"""pip's `requirements.txt`, with the files that it includes."""

from envkit.project.imports import Role
from envkit.project.requirement_lines import read_requirements

NAMES = ("requirements.txt", "requirements*.txt", "requirements*.in", "requirements/*.txt")
RANK = 40
ROLE: Role = "requirements"

import_file = read_requirements
