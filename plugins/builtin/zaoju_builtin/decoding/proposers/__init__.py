"""Builtin proposers."""
