"""``plldb`` and ``python -m plldb``. Talks to the console."""

from plldb.cli.early import hold_signals


def run() -> None:
    """The program; the rest of it is imported only once Ctrl-C can do no harm to that."""
    hold_signals()
    from plldb.cli import main

    main.run()


if __name__ == "__main__":
    run()
