"""One granule, for people: what it is, what it looks like, its neighbours, and what can be fetched."""
