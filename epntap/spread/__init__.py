"""Work that is spread: over processes here, over workers anywhere, over a cluster."""
