"""What people keep here: tables that they have brought, as mine.<name> in their queries, and queries with names."""
