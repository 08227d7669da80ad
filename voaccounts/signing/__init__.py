"""Signing in and out, and registering: for people, and for programs at the same address."""
