"""Builtin selectors."""
