"""What is measured, for people: all datasets by what they are, and one with its parameters, coverage and code."""
