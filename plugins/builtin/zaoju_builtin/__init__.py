"""The builtin plugins of zaoju, registered like any stranger's."""
