"""Rows of services of which granules and datasets are kept apart: filled, merged, and changed to and fro."""
