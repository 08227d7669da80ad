"""The rules of EPN-TAP 2.0 that rows are checked against."""
