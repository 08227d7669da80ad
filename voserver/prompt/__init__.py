"""What people ask at the prompt: queries, granules, what is published."""
