"""Kinds of sources: one module for each, and the list of them."""
