"""Accounts in the database, a table a module. No secret is stored that would be enough to pose as somebody."""
