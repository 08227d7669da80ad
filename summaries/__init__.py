"""Summaries: statistics of every variable in bins of several widths, and the reader of them. No HTTP here."""
