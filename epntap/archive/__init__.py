"""Datasets, their parameters and their files: filled by ingestion, read by everything else."""
