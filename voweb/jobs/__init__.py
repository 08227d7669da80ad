"""Jobs for people: those of this browser, what each does, and forms to end, repeat and remove them."""
