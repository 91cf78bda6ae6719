"""Builtin searches."""
