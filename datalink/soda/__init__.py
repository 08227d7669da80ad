"""Cut-outs over HTTP: SODA 1.0 sync, and ready-made links to whole granules."""
