"""What a sandbox sends, for tests of the other end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from plldb.debugger import wire

TOKEN = "a7" * 32
FUNCTION = "orders"
SESSION = "5e" * 16


@dataclass(kw_only=True)
class Agent:
    """One sandbox of one function, and the invocation that it has."""

    now: float
    sandbox: str = "ab" * 16
    connection: str = "Ag3nt="
    token: str = TOKEN
    function: str = FUNCTION
    session: str = SESSION
    log_stream: str = "2026/11/25/[$LATEST]one"
    request_id: str = "r1"
    nonce: str = "01"
    number: int = 1
    sent: int = field(default=0)

    def next(self, request_id: str = "") -> None:
        """Have another invocation."""
        self.number += 1
        self.request_id = request_id or f"r{self.number}"
        self.nonce = f"{self.number:02x}"

    def frame(self, kind: str, **more: object) -> str:
        """Return a frame; what is None is left out."""
        self.sent += 1
        said = {
            "t": kind,
            "sb": self.sandbox,
            "id": self.request_id,
            "no": self.nonce,
            "seq": self.number,
            "se": self.session,
            "from": self.connection,
            "fn": self.function,
            "at": self.now + self.sent / 1000,
        }
        return wire.sign(
            {key: value for key, value in (said | more).items() if value is not None}, self.token
        )

    def meta(self, **more: object) -> dict[str, object]:
        """Return what is said about an invocation beside its body."""
        return {
            "headers": [
                ["Lambda-Runtime-Aws-Request-Id", self.request_id],
                ["lambda-runtime-deadline-ms", str(int(self.now * 1000) + 3000)],
                ["set-cookie", "no"],
            ],
            "env": {
                "AWS_ACCESS_KEY_ID": "AKIA",
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
                "LD_PRELOAD": "evil.so",
            },
            "delivered": self.now,
            "deadline": self.now + 3,
        } | more

    def invocation(self, body: bytes = b"{}", *, meta: dict[str, object] | None = None) -> list[str]:
        """Return the frames of an invocation."""
        z, cut = wire.split(self.meta() if meta is None else meta, body)
        return [self.frame("invocation", i=i, of=len(cut), z=z, d=d) for i, d in enumerate(cut)]

    def read(self, frame: str) -> dict[str, Any]:
        """Return what the other end said to this sandbox."""
        return wire.verify(frame, {wire.key_id(self.token): self.token})[1]


def join_answer(told: list[dict[str, Any]]) -> tuple[dict[str, object], bytes]:
    """Return the meta and the body of the answer that these messages hold."""
    parts = [each for each in told if each["t"] == "answer"]
    pieces = wire.Pieces(parts[0]["of"], parts[0]["z"])
    for part in parts:
        pieces.add(part["i"], part["of"], part["z"], part["d"])
    return pieces.join()
