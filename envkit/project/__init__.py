"""Projects: the file that a repository holds, its lock, and how both have drifted from the machine."""
