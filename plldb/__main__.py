"""``plldb`` and ``python -m plldb``. Talks to the console."""

import gc

from plldb.cli.interrupts import hold


def run() -> None:
    """Run the program; the rest of it is imported once Ctrl-C can do no harm to that."""
    hold()
    # Nothing that is imported is garbage; searching it again and again takes a tenth of the whole run.
    gc.disable()
    from plldb.cli import main

    main.run()


if __name__ == "__main__":
    run()
