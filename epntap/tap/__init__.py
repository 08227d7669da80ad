"""TAP 1.1 over HTTP: parameters, the story of a query, metadata documents."""
