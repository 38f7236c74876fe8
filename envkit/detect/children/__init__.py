"""Programs that run as child processes, because a driver may hang or end the process that asks it."""
