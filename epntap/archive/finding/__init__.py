"""From an identifier to a granule with its files, one or thousands at a time."""
