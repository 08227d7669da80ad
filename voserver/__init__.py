"""The composition root: commands, web processes, routes of all servers."""
