"""A query: parameters, the story of its answer, what it would cost."""
