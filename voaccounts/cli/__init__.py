"""The commands of whoever operates the service: people, groups, tokens."""
