"""Builtin segmenters."""
