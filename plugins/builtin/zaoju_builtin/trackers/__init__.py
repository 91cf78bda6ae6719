"""Builtin trackers."""
