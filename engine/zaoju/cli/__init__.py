"""The command line. It reads arguments, calls what `import zaoju` offers, and prints."""

from zaoju.cli.application import main

__all__ = ["main"]
