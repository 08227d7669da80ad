"""Runs of a simulation code: what was run, with which models and inputs, and the files that came out."""
