"""What is published beside the rows: datasets, their parameters and gaps, and the series that their files hold."""
