"""What is said where a peer cannot be had."""

from __future__ import annotations


class NotInstalled(Exception):
    """A peer that is not installed, with the command that installs it."""
