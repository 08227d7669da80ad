"""Records as HAPI writes them."""
