"""The stages of a run, joined. What is public of it is named in `zaoju` itself."""
