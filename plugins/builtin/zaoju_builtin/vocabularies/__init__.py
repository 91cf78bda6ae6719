"""Builtin vocabularies."""
