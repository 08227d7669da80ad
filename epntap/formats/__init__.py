"""How an answer is written: one module a format, no knowledge of HTTP, ADQL or the database."""
