"""What is written beside the rows so that nobody need scan them: counts, groups, spans, what is told."""
