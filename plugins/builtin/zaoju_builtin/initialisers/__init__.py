"""Builtin initialisers."""
