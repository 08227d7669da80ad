"""Services whose rows are told one by one: by labels, tables, runs."""
