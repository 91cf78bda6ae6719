"""Builtin executors."""
