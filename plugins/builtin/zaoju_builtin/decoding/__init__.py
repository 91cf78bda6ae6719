"""Builtin decoding."""
