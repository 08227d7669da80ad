"""das2 2.2: every dataset whose files are held as streams, as fine as a screen needs them or as they are."""
