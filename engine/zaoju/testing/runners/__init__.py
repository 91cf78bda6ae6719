"""The kit for model runners, one module for each group of checks."""
