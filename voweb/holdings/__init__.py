"""What is published, for people: all services, and one with its columns, coverage and examples."""
