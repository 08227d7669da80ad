"""What the IVOA's data access services have in common (DALI 1.1, VOSI 1.1)."""
