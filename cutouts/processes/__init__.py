"""Processes in which large cut-outs are made."""
