"""A synthetic archive to try the software on: what it holds is in `plan`, `archive` writes it."""
