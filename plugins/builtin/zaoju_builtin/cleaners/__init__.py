"""Builtin cleaners."""
