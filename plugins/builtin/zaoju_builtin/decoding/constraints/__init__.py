"""Builtin constraints."""
