"""What the sources of datasets say: descriptions, and files that patterns claim."""
