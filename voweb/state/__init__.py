"""How the service is, for people: last ingestions, what was refused, jobs and workers, room on the disk."""
