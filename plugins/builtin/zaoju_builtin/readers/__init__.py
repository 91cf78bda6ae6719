"""Builtin readers."""
