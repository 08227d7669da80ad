"""Sources that describe each row: labels, tables and runs, as units that are read again when they move."""
