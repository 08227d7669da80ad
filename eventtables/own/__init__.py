"""Tables of events that somebody owns: brought along, made of others, changed, shared with groups, removed."""
