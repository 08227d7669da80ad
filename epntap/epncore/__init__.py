"""EPN-TAP 2.0 as values: columns, vocabularies, time. Pure: no I/O here."""
