"""Readers of sources: each turns files into facts and refusals."""
