"""Records with named fields, from any table or label, become epn_core values by rules that a definition declares."""
