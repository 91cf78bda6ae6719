"""`python -m zaoju` is the `zaoju` command."""

from zaoju.cli import main

if __name__ == "__main__":
    main(prog_name="zaoju")
