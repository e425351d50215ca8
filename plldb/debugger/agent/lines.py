"""Carries out what the core decides about the link, in threads of its own. Talks to API Gateway.

Each thread reports to one queue, in the words of `Core`: ``("opened", n)``, ``("posted", key, status)``.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from time import time

try:
    from _queue import Empty, SimpleQueue
except ImportError:  # a Python that is made in another way; `queue` imports threading
    from queue import Empty, SimpleQueue

from plldb.debugger.agent.actions import NOT_SENT, PARALLEL, PERHAPS_SENT
from plldb.debugger.agent.sockets import trust
from plldb.debugger.agent.websocket import NobodyError, WebSocket

POST_LIMIT = 10.0
"""Seconds for each step of a POST."""


class Settings:
    """The variable PLLDB, which arming has put on the function."""

    def __init__(self, value: str) -> None:
        version, lease, self.url, self.token, timeout, self.wrapper = value.split("|", 5)
        if version != "1":
            raise ValueError("version of PLLDB")
        self.lease = float(lease)
        self.timeout = float(timeout)


class Events:
    """What has happened, in order, for one thread, which may wait for sockets at the same time.

    While it has set ``watched``, each event makes ``descriptor`` readable.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()
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


class Lines:
    """The connections of one agent; ``events`` tells what happens to them."""

    def __init__(self, settings: Settings, function: str, region: str) -> None:
        self.events = Events()
        self._url = settings.url
        self._headers = [("x-plldb-function", function), ("x-plldb-token", settings.token)]
        self._region = region
        self._host, _, stage = self._url.partition("://")[2].partition("/")
        self._path = f"/{stage}/@connections/"
        self._tls = self._url.startswith("wss:")
        if self._tls:
            try:  # noqa: SIM105 - contextlib would be one more import
                trust()  # before there is a thread, which would take turns with what is read meanwhile
            except Exception:  # noqa: BLE001, S110
                pass  # then no link can be made, and its thread says why
        self._n = 0
        self._socket: WebSocket | None = None
        self._lock = allocate_lock()
        self._posts: SimpleQueue[Post] = SimpleQueue()
        self._posters = 0
        self._busy = 0

    def connect(self, n: int, wait: float = 0.0) -> None:
        """Open connection ``n`` instead of the one before, unless that is it already.

        Returns when the request for it is on its way, and after so many seconds in any case.
        """
        if n == self._n:
            return
        with self._lock:
            self._n, old, self._socket = n, self._socket, None
        if old is not None:
            old.close()
        asked = allocate_lock()
        asked.acquire()
        start_new_thread(self._receive, (n, asked.release))
        if wait:
            asked.acquire(timeout=wait)

    def _receive(self, n: int, asked: Callable[[], None]) -> None:
        try:
            opened = WebSocket(self._url, self._headers, asked)
            with self._lock:
                wanted = n == self._n
                if wanted:
                    self._socket = opened
            if not wanted:
                opened.close()
                return
            self.events.put(("opened", n))
            while True:
                self.events.put(("received", n, opened.receive()))
        except NobodyError:
            self.events.put(("nobody", n))
        except OSError as error:
            self.events.put(("closed", n, reason(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the core must learn of it
            self.events.put(("closed", n, type(error).__name__))

    def send(self, text: str) -> None:
        """Send a text through the WebSocket; if it is gone, its thread reports that."""
        with self._lock:
            n, opened = self._n, self._socket
        try:
            if opened is not None:
                opened.send(text.encode())
        except OSError as error:
            self.events.put(("closed", n, reason(error)))

    def has_unread(self) -> bool:
        """Return whether something has come of which the WebSocket's thread has told nothing yet."""
        with self._lock:
            opened = self._socket
        return opened is not None and opened.has_unread()

    def post(self, post: Post) -> None:
        """POST a frame. Returns at once."""
        with self._lock:
            self._busy += 1
            more = self._busy > self._posters and self._posters < PARALLEL
            self._posters += more
        self._posts.put(post)
        if more:
            start_new_thread(self._poster, ())

    def _poster(self) -> None:
        from plldb.debugger.agent.http import Http  # not before it is needed, as below

        http = Http(self._host, tls=self._tls, timeout=POST_LIMIT)
        while True:
            post = self._posts.get()
            status = self._post(http, post)
            with self._lock:
                self._busy -= 1
            self.events.put(("posted", post.key, status))

    def _post(self, http: Http, post: Post) -> int:
        try:
            http.open(time())
        except Exception:  # noqa: BLE001 - of whatever kind: nothing was written
            http.close()  # the next one begins anew
            return NOT_SENT
        from plldb.debugger.agent.http import signed_headers

        path, body, now = self._path + post.peer.replace("=", "%3D"), post.frame.encode(), time()
        try:
            signed = signed_headers(
                "POST", self._host, path, body, creds=post.creds, region=self._region, now=now
            )
            return http.request("POST", path, signed, body, now)[0]
        except Exception:  # noqa: BLE001
            http.close()
            return PERHAPS_SENT


def reason(error: OSError) -> str:
    """Return why something failed, for the log: without addresses, which may be long."""
    return error.strerror or str(error)[:80] or type(error).__name__


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from plldb.debugger.agent.actions import Post
    from plldb.debugger.agent.http import Http

    Event = tuple[object, ...]
