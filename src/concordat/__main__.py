"""`python -m concordat` is the same as the command `concordat`."""

from concordat.cli import entry

if __name__ == "__main__":
    entry()
