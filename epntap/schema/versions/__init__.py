"""Versions of the database, in order: a file is `vNNNN_what.py` and its revision NNNN.

What is released is never changed: `tables` describes where all of them together lead, and a test compares the two.
"""
