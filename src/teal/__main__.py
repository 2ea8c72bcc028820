"""`python -m teal` is the command `teal`."""

from teal.cli.main import run

if __name__ == "__main__":
    run()
