"""Formats whose rows the database writes nearly as they are sent."""
