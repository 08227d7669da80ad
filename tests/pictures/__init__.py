"""Pictures of the documentation, made of the running service."""
