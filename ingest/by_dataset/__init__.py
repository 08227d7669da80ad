"""Services made of datasets: SPASE records and CDF files."""
