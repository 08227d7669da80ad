"""The {links} document and its page (DataLink 1.1)."""
