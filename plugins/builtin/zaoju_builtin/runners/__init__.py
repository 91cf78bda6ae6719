"""Builtin runners."""
