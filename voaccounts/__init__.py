"""Accounts: people, groups, tokens, and who it is that asks. Servers see a Caller only."""
