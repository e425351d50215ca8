"""Starts the agent in a sandbox; if it cannot, the command of the function's runtime. Talks to the process.

Arguments: the file that tells the wrapper how the agent has ended, then that command.
"""

import gc
import posix  # what is below `os`, which takes 1.2 ms, is enough to ask the first question
import sys
from _thread import allocate_lock, start_new_thread

ASK_WITHIN = 0.03
"""Seconds for the name, the connection and TLS, in one region; with more, the rest is read meanwhile."""


class Settings:
    """The variable PLLDB, which arming has put on the function, and the function's name."""

    def __init__(self, value: str, function: str) -> None:
        version, lease, self.url, self.token, timeout, self.wrapper = value.split("|", 5)
        if version != "1":
            raise ValueError("version of PLLDB")
        self.lease = float(lease)
        self.timeout = float(timeout)
        self.function = function
        self.headers = [("x-plldb-function", function), ("x-plldb-token", self.token)]


class Question:
    """The first question to the API, in a thread: nothing can end the resolution of a name."""

    def __init__(self, settings: Settings) -> None:
        """Ask. Returns when the question is on its way, and after `ASK_WITHIN` in any case."""
        from plldb.debugger.agent import sockets

        self._sockets = sockets
        self._answered, sent = allocate_lock(), allocate_lock()
        self._answered.acquire()
        sent.acquire()
        start_new_thread(self._ask, (settings, sent.release))
        if settings.url.startswith("wss:"):
            try:  # noqa: SIM105 - contextlib would be one more import
                sockets.trust()  # while the thread waits for a name server and for the connection
            except Exception:  # noqa: BLE001, S110
                pass  # then no link can be made, and the thread says why
        # Two threads of Python take turns: what is read meanwhile would delay the question by 8 ms.
        sent.acquire(timeout=ASK_WITHIN)

    def _ask(self, settings: Settings, sent: "Callable[[], None]") -> None:
        self._found: Asked | Exception
        try:
            self._found = self._sockets.ask(settings.url, settings.headers, sent)
        except Exception as error:  # noqa: BLE001 - `wait` raises it
            self._found = error
        self._answered.release()

    def found_nobody(self, within: float) -> bool:
        """Return whether it is answered within so many seconds that no laptop is attached."""
        if not self._answered.acquire(timeout=within):
            return False
        self._answered.release()
        if isinstance(self._found, Exception) or self._found.status != self._sockets.NOBODY:
            return False
        self._found.connection.close()
        return True

    def wait(self) -> "Asked":
        """Return what `sockets.ask` has returned, or raise what it has raised, when it is over."""
        with self._answered:
            if isinstance(self._found, Exception):
                raise self._found
            return self._found


def main() -> None:
    """Run the agent until the sandbox ends."""
    state, command = sys.argv[1], sys.argv[2:]
    value = take_settings()
    agent = None
    gc.disable()  # all that is made while the agent is read stays: to look through it costs 5 ms
    try:
        # In the layer, the folders are as in the repository.
        sys.path.insert(0, __file__.rsplit("/", 4)[0])
        settings = Settings(value.decode(), posix.environ[b"AWS_LAMBDA_FUNCTION_NAME"].decode())
        question = Question(settings)
        # The rest is read while the API answers.
        import os

        from plldb.debugger.agent.agent import Agent

        descriptor = posix.open(state, posix.O_WRONLY)
        agent = Agent(command, dict(os.environ), settings, question, lambda word: mark(descriptor, word))
        gc.freeze()
        gc.enable()
        agent.run()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the function must not suffer
        # Only kind and place: a text might hold a secret. The next start is without us, and silent.
        where = f"{type(error).__name__} in {place(error)}"
        keep_out(state)
        if agent is not None and agent.serving:
            posix.write(
                2, f"plldb: the agent failed ({where}); from now on the deployed code runs\n".encode()
            )
            posix._exit(1)
        posix.write(2, f"plldb: the agent could not start ({where}); the deployed code runs\n".encode())
        as_deployed(command)


def take_settings() -> bytes:
    """Take the variable PLLDB out of the environment: the deployed code does not get the token in it."""
    posix.unsetenv("PLLDB")
    return posix.environ.pop(b"PLLDB", b"")


def mark(descriptor: int, word: bytes) -> None:
    """Write a word of four letters into the state's file: 5 µs, for each invocation twice."""
    posix.pwrite(descriptor, word + b"\n", 0)


def keep_out(state: str) -> None:
    """Let the next start in this sandbox be without the agent, and without another line in the log."""
    try:  # noqa: SIM105 - contextlib would be one more import
        mark(posix.open(state, posix.O_WRONLY), b"said")
    except OSError:
        pass  # the function may have emptied /tmp


def place(error: BaseException) -> str:
    """Return file and line where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def as_deployed(command: list[str]) -> None:
    """Become the function's runtime. Python ignores some signals, and what follows would, too."""
    import os
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - Lambda's own command, unchanged


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from plldb.debugger.agent.sockets import Asked

if __name__ == "__main__":
    main()
