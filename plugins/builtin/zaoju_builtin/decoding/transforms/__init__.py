"""Builtin transforms."""
