"""The published tables: their description (model), how they are read (load) and published (publish)."""
