"""The format of CDF files: bytes, records, types, compression; nothing of what the values mean."""
