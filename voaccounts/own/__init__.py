"""Pages of one's own account: groups, tokens, password; and of the groups that one leads."""
