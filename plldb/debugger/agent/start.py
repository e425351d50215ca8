"""Starts the agent in a sandbox; if it cannot, the command of the function's runtime. Talks to the process.

Arguments: the file that tells the wrapper how the agent has ended, then that command.
"""

from __future__ import annotations

import gc
import os
import sys

ASK_WITHIN = 0.03
"""Seconds for the name, the connection and TLS, in one region; with more, the rest is read meanwhile."""


def main() -> None:
    """Run the agent until the sandbox ends."""
    state, command = sys.argv[1], sys.argv[2:]
    value = os.environ.pop("PLLDB", "")  # it holds a token: the deployed code does not get it
    agent = None
    gc.disable()  # all that is made while the agent is read stays: to look through it costs 5 ms
    try:
        # In the layer, the folders are as in the repository.
        sys.path.insert(0, os.path.abspath(os.path.join(__file__, "..", "..", "..", "..")))
        from plldb.debugger.agent.lines import Lines, Settings

        settings = Settings(value)
        lines = Lines(settings, os.environ["AWS_LAMBDA_FUNCTION_NAME"], os.environ["AWS_REGION"])
        # Two threads of Python take turns: what is read meanwhile would delay the question by 8 ms.
        lines.connect(1, ASK_WITHIN)
        # The rest is read while the API answers.
        from plldb.debugger.agent.agent import Agent

        descriptor = os.open(state, os.O_WRONLY)
        agent = Agent(command, dict(os.environ), settings, lines, lambda word: mark(descriptor, word))
        gc.freeze()
        gc.enable()
        agent.run()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the function must not suffer
        # Only kind and place: a text might hold a secret. The next start is without us, and silent.
        where = f"{type(error).__name__} in {place(error)}"
        keep_out(state)
        if agent is not None and agent.serving:
            os.write(2, f"plldb: the agent failed ({where}); from now on the deployed code runs\n".encode())
            os._exit(1)
        os.write(2, f"plldb: the agent could not start ({where}); the deployed code runs\n".encode())
        as_deployed(command)


def mark(descriptor: int, word: bytes) -> None:
    """Write a word of four letters into the state's file: 5 µs, for each invocation twice."""
    os.pwrite(descriptor, word + b"\n", 0)


def keep_out(state: str) -> None:
    """Let the next start in this sandbox be without the agent, and without another line in the log."""
    try:  # noqa: SIM105 - contextlib would be one more import
        mark(os.open(state, os.O_WRONLY), b"said")
    except OSError:
        pass  # the function may have emptied /tmp


def place(error: BaseException) -> str:
    """Return file and line where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def as_deployed(command: list[str]) -> None:
    """Become the function's runtime. Python ignores some signals, and what follows would, too."""
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - Lambda's own command, unchanged


if __name__ == "__main__":
    main()
