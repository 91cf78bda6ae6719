"""Builtin trainers."""
