"""``breakpoint()`` and pdb at the terminal in which plldb runs. Talks to that terminal.

Workers take turns by a lock on it, which ends with the process that has it. plldb writes nothing there while
somebody has the lock.
"""

import fcntl
import os
import pdb
import sys
import termios
import time

QUIET = 0.3
"""Seconds within which plldb, which draws its last line four times a second, sees the lock."""


def open_terminal(path, flags):
    """Open it without becoming its session: Ctrl-C stays plldb's."""
    return os.open(path, flags | os.O_NOCTTY)


class Terminal:
    """The terminal, which this process has from `take` to `release`."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        self.reader = open(path, encoding="utf-8", errors="replace", opener=open_terminal)  # noqa: SIM115
        self.writer = open(path, "w", encoding="utf-8", errors="replace", opener=open_terminal)  # noqa: SIM115
        self.lock = None

    def take(self):
        """Wait until no other breakpoint has it."""
        if self.lock is not None:
            return
        self.lock = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        for _ in range(5):  # plldb looks at the lock by taking it for a moment
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(0.05)
        else:
            # Whoever has it stands at this prompt, most likely, and shall not have to look for it above.
            said = f"\r\n{self.name} waits for this terminal at a breakpoint, too\r\n(Pdb) "
            os.write(self.lock, said.encode())
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        time.sleep(QUIET)
        termios.tcflush(self.lock, termios.TCIFLUSH)  # what was typed before it asks was not for it
        os.write(self.lock, f"\r\033[2K{self.name} stops:\r\n".encode())

    def release(self):
        """Let the next one have it."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def stop_tracing():
    """Leave nothing of a debugger to the next invocation, breakpoints that were set at its prompt apart."""
    sys.settrace(None)
    debugger = getattr(pdb.Pdb, "_last_pdb_instance", None)  # since Python 3.13 one for all breakpoint()
    if hasattr(debugger, "stop_trace"):  # since 3.14, where breakpoint() traces by sys.monitoring
        debugger.stop_trace()
        debugger.enterframe = None  # q leaves it behind, and with it each later breakpoint() would do nothing


def install(path, name, bootstrap):
    """Let pdb use the terminal; at the end of an invocation it has it no more."""
    terminal = Terminal(path, name)

    class Debugger(pdb.Pdb):
        def __init__(self, completekey="tab", stdin=None, stdout=None, **how):
            how.pop("mode", None)  # by that of Python 3.14, q would end the process
            stdin, stdout = stdin or terminal.reader, stdout or terminal.writer
            super().__init__(completekey, stdin, stdout, **{**how, "nosigint": True})

        def message(self, msg):
            terminal.take()  # "--Return--" comes before `interaction`
            super().message(msg)

        def interaction(self, *args, **how):
            try:
                terminal.take()
                super().interaction(*args, **how)
            except OSError:  # it has been closed: nobody can answer any more
                self.set_continue()

        def set_continue(self):
            super().set_continue()
            terminal.release()

        def set_quit(self):
            super().set_quit()
            terminal.release()

    handle = bootstrap.handle_event_request

    def handle_and_release(*args, **how):
        try:
            return handle(*args, **how)
        finally:
            stop_tracing()
            terminal.release()

    pdb.Pdb = Debugger
    bootstrap.handle_event_request = handle_and_release
