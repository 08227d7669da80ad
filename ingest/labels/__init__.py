"""Trees of labelled files: PDS3 and PDS4 labels, the products beside them, and what their names say."""
