"""Many cut-outs in one answer."""
