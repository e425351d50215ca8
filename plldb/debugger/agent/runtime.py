"""The function's own runtime as a child, and the Runtime API that it sees. Talks to the real Runtime API.

Only ``next`` is answered here, with what the agent hands over. Every other request of the runtime and of
extensions in it goes to the real API and back byte for byte, as it comes.

A connection has a thread until it asks for ``next``. What it says about the invocation is carried by the
agent's own thread: to wake another one costs a tenth of a millisecond, and there would be five to wake.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from io import BufferedReader
from time import time

try:
    from _queue import Empty, SimpleQueue
except ImportError:  # a Python that is made in another way; `queue` imports threading
    from queue import Empty, SimpleQueue

try:
    from _signal import (  # type: ignore[import-not-found]
        SIG_IGN,
        SIGKILL,
        SIGPIPE,
        SIGTERM,
        SIGXFSZ,
        signal,
    )
except ImportError:  # a Python that is made in another way; `signal` takes 5 ms
    from signal import SIG_IGN, SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ, signal

from plldb.debugger.agent.caller import Caller, asks_next, close, forward_body, pump, send
from plldb.debugger.agent.http import BLOCK, Said, framing, read_exactly, read_head
from plldb.debugger.agent.sockets import Connection, network

# What Python ignores, or the agent does, and a program expects to find as the system has it.
DEFAULT_SIGNALS = [SIGPIPE, SIGXFSZ, SIGTERM]


class Events:
    """What has happened, in order, for one thread, which may wait for sockets at the same time.

    While it has set ``watched``, each event makes ``descriptor`` readable.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()
        self.empty = self._queue.empty
        self.descriptor, self._writer = os.pipe()
        self.watched = False

    def put(self, event: Event) -> None:
        """Add an event, from any thread."""
        self._queue.put(event)
        if self.watched:
            os.write(self._writer, b"!")

    def get(self, timeout: float | None = 0.0) -> Event | None:
        """Return the next event; None if there is none within so many seconds."""
        if timeout == 0.0 and self._queue.empty():
            return None
        try:
            return self._queue.get(timeout != 0.0, timeout or None)
        except Empty:
            return None


class Runtime:
    """The runtime. Its events are ``("idle", caller)``, ``("ended", status)``, ``("init_error", body)``."""

    def __init__(self, command: list[str], environment: dict[str, str], api: str, events: Events) -> None:
        """Take a port for it, whether or not it is ever started: a failure now costs no invocation.

        Raises:
            OSError: there is no port.
        """
        self._listener: Any = network.socket(network.AF_INET, network.SOCK_STREAM)
        self._listener.setsockopt(network.SOL_SOCKET, network.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self._command = command
        self._environment = environment
        self._api = api
        self._events = events
        self._caller: Caller | None = None  # which has asked for an invocation, or has one
        self._lock = allocate_lock()
        self._accepting = False
        self._pid = 0
        self._silenced = False  # killed: nothing of it reaches the API any more
        self.answered = False  # whether the answer of the invocation at hand went to the API
        self.waiting = False  # an invocation waits for the runtime's first next

    @property
    def running(self) -> bool:
        """Whether the runtime was started and has not ended."""
        return self._pid != 0

    def start(self) -> None:
        """Start it, with every descriptor that the agent has inherited.

        Raises:
            OSError: the command cannot be run.
        """
        port = self._listener.getsockname()[1]
        if not self._accepting:
            start_new_thread(self._accept, ())
            self._accepting = True
        environment = dict(self._environment, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{port}")
        # A signal to the sandbox's processes reaches the runtime as it did before: the agent leaves it alone.
        signal(SIGTERM, SIG_IGN)
        self._pid = os.posix_spawnp(self._command[0], self._command, environment, setsigdef=DEFAULT_SIGNALS)
        start_new_thread(self._reap, (self._pid,))

    def hand_over(self, answer: bytes) -> None:
        """Give the runtime that waits in ``next`` this answer."""
        self.answered = False
        if self._caller is None:
            return
        self._caller.busy = True
        if len(answer) > BLOCK:  # it may have to wait for a runtime that does not read
            start_new_thread(send, (self._caller.connection, answer))
        else:
            send(self._caller.connection, answer)

    def next_event(self, timeout: float | None) -> Event | None:
        """Return what happens next, None if nothing does for so many seconds; carry what the runtime says."""
        caller, events = self._caller, self._events
        if caller is None or not caller.busy:
            return self.happened(timeout)
        limit = None if timeout is None else time() + timeout
        own = caller.connection.fileno()
        events.watched = True  # first, so that no event is overlooked
        try:
            while events.empty() and self._caller is caller:
                ready = caller.wait(None if limit is None else max(0, int((limit - time()) * 1000) + 1))
                if not ready:
                    break
                for descriptor, _ in ready:
                    if descriptor == own:
                        if (event := self._listen(caller)) is not None:
                            return event  # the rest can be read later, too
                    elif descriptor == events.descriptor:
                        os.read(descriptor, BLOCK)
                    elif self._caller is caller and not caller.pass_on():
                        self._leave(caller)
        except OSError:
            self._leave(caller)  # the runtime, or the sandbox, is at its end
        finally:
            events.watched = False
        return self.happened()

    def happened(self, timeout: float | None = 0.0) -> Event | None:
        """Return the next event that has happened, or happens within so many seconds."""
        event = self._events.get(timeout)
        if event is not None and isinstance(event[-1], Caller):
            before, self._caller = self._caller, event[-1]
            if before is not None and before is not self._caller:
                start_new_thread(self._serve, (before,))  # it may have something else to say
        return event

    def _listen(self, caller: Caller) -> Event | None:
        heard = caller.hear(self._note)
        if heard == "next":
            caller.busy = False
            return "idle", caller
        if heard == "large":
            self._caller = None
            start_new_thread(self._serve, (caller,))
        elif heard == "closed":
            self._leave(caller)
        return None

    def _leave(self, caller: Caller) -> None:
        self._caller = None
        close(caller)

    def _note(self, method: bytes, path: bytes) -> None:
        if method == b"POST" and b"/runtime/invocation/" in path:
            with self._lock:
                if self._silenced:
                    raise OSError("the runtime was killed")
                self.answered = True

    def silence(self) -> bool:
        """Kill it, and return whether it had answered the invocation at hand."""
        with self._lock:
            self._silenced = True
        os.kill(self._pid, SIGKILL)
        return self.answered

    def ended(self) -> None:
        """Take note of its end: it can be started again."""
        self._pid = 0
        if self._caller is not None:
            self._leave(self._caller)

    def _reap(self, pid: int) -> None:
        self._events.put(("ended", os.waitpid(pid, 0)[1]))

    def _accept(self) -> None:
        while True:
            plain = accept(self._listener)
            plain.setsockopt(network.IPPROTO_TCP, network.TCP_NODELAY, 1)
            caller = Caller(Connection(plain), self._api, self._events.descriptor)
            start_new_thread(self._serve, (caller,))

    def _serve(self, caller: Caller) -> None:
        """Pass on its requests, until it asks for an invocation."""
        said: Any = Said(caller.take_said(), caller.connection)
        stream, asks = BufferedReader(said), False
        try:
            self._pump(caller)
            while not asks:
                asks = self._one(caller, stream)
        except (OSError, EOFError):
            close(caller)  # the runtime, or the sandbox, is at its end
        else:
            caller.busy = False
            self._events.put(("idle", caller))

    def _pump(self, caller: Caller) -> None:
        if caller.leave_to_thread():
            start_new_thread(pump, (caller.connect(), caller.connection))

    def _one(self, caller: Caller, stream: BufferedReader) -> bool:
        head = read_head(stream)
        method, path = head.split(b" ", 2)[:2]
        if asks_next(method, path):
            return True
        size, chunked = framing(head)
        if self.waiting and path.endswith(b"/runtime/init/error"):
            # The real API has an invocation under way, so this is that invocation's error.
            self._events.put(("init_error", read_exactly(stream, size)))
            caller.connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            return False
        upstream = caller.connect()
        self._pump(caller)
        self._note(method, path)
        if not chunked and size <= BLOCK and b"\nexpect:" not in head.lower():
            # In one piece, which the API reads at once.
            upstream.sendall(head + read_exactly(stream, size))
            return False
        upstream.sendall(head)
        forward_body(stream, upstream, size, chunked)
        return False


def accept(listener: Any) -> Any:
    """Return a socket of the next connection."""
    if hasattr(listener, "accept"):
        return listener.accept()[0]
    return network.socket(fileno=listener._accept()[0])


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = tuple[object, ...]
