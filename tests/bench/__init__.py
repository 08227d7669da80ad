"""Measurements of the budgets, as ratios within one run: `make bench`."""
