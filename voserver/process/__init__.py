"""The web process: how requests arrive, what is loaded before it is forked, what may run beside it."""
