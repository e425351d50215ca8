"""The Lambda handlers, imported as Lambda does: from their folder, by bare names, without plldb."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.support.template import TEMPLATE

FOLDER = TEMPLATE.parent / "lambda_functions"
API = "a1b2c3d4e5"
CONNECTION = "Ux2u_cTHDoECFYg="


@contextmanager
def importing_handlers() -> Iterator[Callable[[str], ModuleType]]:
    """Give a function that imports a module of the folder; afterwards none of them is left."""
    names = [path.stem for path in FOLDER.glob("*.py")]
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)


def event_of(route: str, *, said: dict[str, str] | None = None, **extra: Any) -> dict[str, Any]:
    """An event of API Gateway; ``said`` is what the authorizer has told of the connection."""
    context = {
        "routeKey": route,
        "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE"),
        "extendedRequestId": "Ux2u_GzFDoEFdLA=",
        "requestTime": "04/Nov/2026:10:11:12 +0000",
        "messageDirection": "IN",
        "stage": "live",
        "connectedAt": 1793787072000,
        "requestTimeEpoch": 1793787072012,
        "identity": {"sourceIp": "192.0.2.7"},
        "requestId": "Ux2u_GzFDoEFdLA=",
        "domainName": f"{API}.execute-api.eu-west-1.amazonaws.com",
        "connectionId": CONNECTION,
        "apiId": API,
    }
    if said is not None:
        context["authorizer"] = {**said, "principalId": said["kind"]}
    return {"requestContext": context, "isBase64Encoded": False, **extra}


def context_in(account: str, region: str) -> SimpleNamespace:
    """Lambda's context, as far as the handlers read it."""
    return SimpleNamespace(invoked_function_arn=f"arn:aws:lambda:{region}:{account}:function:plldb-ws-api-x")
