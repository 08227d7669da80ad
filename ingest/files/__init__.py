"""Files of an archive: found, scanned, told apart by version."""
