"""From a granule to its data: links, descriptors, cut-outs (DataLink 1.1, SODA 1.0)."""
