"""Tables that users bring along: where they come from, what is in them, and how much of it is accepted."""
