"""The kit for transforms, one module for each group of checks."""
