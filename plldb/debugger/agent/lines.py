"""Carries out what the core decides about the link, in threads of its own. Talks to API Gateway.

Not read where nobody is attached.
Each thread reports to one queue, in the words of `Core`: ``("opened", n)``, ``("posted", key, status)``.
"""

from __future__ import annotations

import hashlib
import hmac
from _thread import allocate_lock, start_new_thread
from time import gmtime, strftime, time

try:
    from _queue import SimpleQueue
except ImportError:  # a Python that is made in another way; `queue` imports threading
    from queue import SimpleQueue

from plldb.debugger.agent.actions import NOT_SENT, PARALLEL, PERHAPS_SENT
from plldb.debugger.agent.http import Http
from plldb.debugger.agent.sockets import ask
from plldb.debugger.agent.websocket import NobodyError, WebSocket

POST_LIMIT = 10.0
"""Seconds for each step of a POST."""

SERVICE = "execute-api"


class Lines:
    """The connections of one agent; ``events`` is told what happens to them."""

    def __init__(self, settings: Settings, region: str, events: Events) -> None:
        self._events = events
        self._url = settings.url
        self._headers = settings.headers
        self._region = region
        self._host, _, stage = self._url.partition("://")[2].partition("/")
        self._path = f"/{stage}/@connections/"
        self._tls = self._url.startswith("wss:")
        self._n = 0
        self._socket: WebSocket | None = None
        self._lock = allocate_lock()
        self._posts: SimpleQueue[Post] = SimpleQueue()
        self._posters = 0
        self._busy = 0

    def connect(self, n: int, asked: Callable[[], Asked] | None = None) -> None:
        """Open connection ``n`` instead of the one before, unless that is it already. Returns at once.

        ``asked`` returns, or raises, what `ask` does, if that was called already.
        """
        if n == self._n:
            return
        with self._lock:
            self._n, old, self._socket = n, self._socket, None
        if old is not None:
            old.close()
        start_new_thread(self._receive, (n, asked or self._ask))

    def _ask(self) -> Asked:
        return ask(self._url, self._headers)

    def _receive(self, n: int, asked: Callable[[], Asked]) -> None:
        try:
            opened = WebSocket(asked())
            with self._lock:
                wanted = n == self._n
                if wanted:
                    self._socket = opened
            if not wanted:
                opened.close()
                return
            self._events.put(("opened", n))
            while True:
                self._events.put(("received", n, opened.receive()))
        except NobodyError:
            self._events.put(("nobody", n))
        except OSError as error:
            self._events.put(("closed", n, reason(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the core must learn of it
            self._events.put(("closed", n, type(error).__name__))

    def send(self, text: str) -> None:
        """Send a text through the WebSocket; if it is gone, its thread reports that."""
        with self._lock:
            n, opened = self._n, self._socket
        try:
            if opened is not None:
                opened.send(text.encode())
        except OSError as error:
            self._events.put(("closed", n, reason(error)))

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
        http = Http(self._host, tls=self._tls, timeout=POST_LIMIT)
        while True:
            post = self._posts.get()
            status = self._post(http, post)
            with self._lock:
                self._busy -= 1
            self._events.put(("posted", post.key, status))

    def _post(self, http: Http, post: Post) -> int:
        try:
            http.open(time())
        except Exception:  # noqa: BLE001 - of whatever kind: nothing was written
            http.close()  # the next one begins anew
            return NOT_SENT
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


def signed_headers(
    method: str, host: str, path: str, body: bytes, *, creds: list[str], region: str, now: float
) -> list[tuple[str, str]]:
    """Return the headers that sign a request (Signature Version 4).

    Args:
        method: of HTTP.
        host: as in the Host header.
        path: as sent, that is, quoted once; SigV4 quotes it again, and the ``@`` as well.
        body: of the request.
        creds: key id, secret key, session token.
        region: of the API.
        now: epoch seconds.
    """
    key, secret, session = creds
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    day = stamp[:8]
    headers = [("host", host), ("x-amz-date", stamp), ("x-amz-security-token", session)]
    names = ";".join(name for name, _ in headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers)
    canonical_path = path.replace("%", "%25").replace("@", "%40").replace("=", "%3D")
    canonical = "\n".join([method, canonical_path, "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{SERVICE}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signing_key = ("AWS4" + secret).encode()
    for part in (day, region, SERVICE, "aws4_request"):
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*headers[1:], ("authorization", authorization)]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from plldb.debugger.agent.actions import Post
    from plldb.debugger.agent.runtime import Events
    from plldb.debugger.agent.sockets import Asked
    from plldb.debugger.agent.start import Settings
