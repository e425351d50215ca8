"""``python -m plldb``. Talks to the console."""

from plldb.cli.main import run

if __name__ == "__main__":
    run()
