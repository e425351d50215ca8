"""A scripted client of a service: what `plldb.aws.session.Aws` needs of botocore's. Talks to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiobotocore.session import AioSession
from botocore.exceptions import ClientError

from plldb.aws.place import Place
from plldb.aws.session import Aws
from plldb.bootstrap.pace import Pace

AT_ONCE = Pace(attempts=3, first_wait=0, longest_wait=0, throttled_for=600, versioning_for=0, poll=0)
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class ServiceModel:
    service_name: str


class OperationNames(dict[str, str]):
    """``create_stack`` → ``CreateStack``, as botocore maps them."""

    def __missing__(self, method: str) -> str:
        return "".join(word.capitalize() for word in method.split("_"))


@dataclass(frozen=True)
class Meta:
    service_model: ServiceModel
    method_to_api_mapping: OperationNames


Answer = Exception | dict[str, Any]


@dataclass
class Client:
    """Each request is answered by ``answers`` of its operation, in turn; the last one stays."""

    service: str
    answers: dict[str, list[Answer]]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def meta(self) -> Meta:
        return Meta(ServiceModel(self.service), OperationNames())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def method(**parameters: Any) -> dict[str, Any]:
            return await self._answer(name, parameters)

        return BoundMethod(self, name, method)

    async def _answer(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((name, parameters))
        await asyncio.sleep(0)
        script = self.answers[name]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def times(self, name: str) -> int:
        """How often an operation was asked for."""
        return sum(1 for asked, _ in self.asked if asked == name)


class BoundMethod:
    """A method that knows its client and its name, as botocore's do."""

    def __init__(self, client: Client, name: str, call: Callable[..., Any]) -> None:
        self.__self__ = client
        self.__name__ = name
        self._call = call

    def __call__(self, **parameters: Any) -> Any:
        return self._call(**parameters)


def refused(
    code: str, message: str = "", status: int = 400, operation: str = "X", **headers: str
) -> ClientError:
    """What botocore raises for an answer that is an error."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()},
        },
    }
    return ClientError(response, operation)


class ScriptedAws(Aws):
    """The doorway to scripted clients."""

    def __init__(self, pace: Pace, clients: tuple[Client, ...]) -> None:
        super().__init__(AioSession(), Place(), "eu-west-1", pace, AsyncExitStack())
        self._scripted = {client.service: client for client in clients}

    async def client(
        self, service: str, *, endpoint_url: str | None = None, read_timeout: float | None = None
    ) -> Any:
        return self._scripted[service]


def aws(pace: Pace = AT_ONCE, *clients: Client) -> Aws:
    """The doorway, with these clients and no others."""
    return ScriptedAws(pace, clients)
