"""Narrow services: what all granules of a dataset share is kept once, and epn_core is a view of both."""
