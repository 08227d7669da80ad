"""Previews: pictures of data, lines and spectrograms over time, and what a service holds over the years."""
