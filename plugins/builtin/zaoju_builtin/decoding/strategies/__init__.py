"""Builtin strategies."""
