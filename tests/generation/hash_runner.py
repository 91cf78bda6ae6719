"""The runner without a model, which plugin authors have too."""

from zaoju.testing import HashRunner

__all__ = ["HashRunner"]
