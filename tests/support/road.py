"""A way through the network that can fail, or a company's proxy. Talks to sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


class Road:
    """A proxy as companies have them, or just a network: it can stand still, and be torn.

    Attributes:
        target: the port to which a network leads; 0 makes it a proxy.
        beyond: the port to which a proxy leads whatever it is asked for; 0 for the one that it is asked for.
        asked: the first lines of all requests to the proxy.
    """

    def __init__(self) -> None:
        self.goes = asyncio.Event()
        self.goes.set()
        self.torn = False
        self.refuses = False
        self.asked: list[str] = []
        self.port = 0
        self.target = 0
        self.beyond = 0
        self._ends: set[asyncio.StreamWriter] = set()

    def tear(self) -> None:
        """Reset every connection, and each new one from now on."""
        self.torn = True
        for end in self._ends:
            end.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._ends.add(writer)
        try:
            if self.torn:
                return
            if not self.target:  # a proxy: it is told where to
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.split(b"\r\n")[0].decode())
                if self.refuses:
                    writer.write(REFUSED)
                    return
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            port = self.target or self.beyond or int(self.asked[-1].split()[1].rpartition(":")[2])
            upstream, away = await asyncio.open_connection("127.0.0.1", port)
            ends.append(away)
            self._ends.add(away)
            await asyncio.gather(self._carry(reader, away), self._carry(upstream, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in ends:
                self._ends.discard(end)
                end.transport.abort() if self.torn else end.close()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self.goes.wait()
                target.write(data)
        target.close()


@contextlib.asynccontextmanager
async def open_road() -> AsyncIterator[Road]:
    """One at a port of 127.0.0.1; without a ``target`` it is a proxy."""
    road = Road()
    async with await asyncio.start_server(road.serve, "127.0.0.1", 0) as server:
        road.port = server.sockets[0].getsockname()[1]
        yield road
        road.goes.set()
        road.tear()
