"""What was measured during events: statistics of parameters for each event of a table, which make a catalogue."""
