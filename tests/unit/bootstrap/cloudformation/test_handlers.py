from __future__ import annotations

import ast
import inspect
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Handler = Callable[[dict[str, Any], object], dict[str, Any]]

METHOD_ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/live/$connect"
STEMS = [f"ws_api_{name}_handler" for name in ("authorize", "connect", "default", "disconnect")]


@pytest.fixture
def load_handler(handlers_folder: Path) -> Callable[[str], Handler]:
    """Load a handler as Lambda does: from its file, knowing nothing of plldb."""

    def load(stem: str) -> Handler:
        handler: Handler = runpy.run_path(str(handlers_folder / f"{stem}.py"))["handler"]
        return handler

    return load


def context_of(route: str, event_type: str) -> dict[str, Any]:
    return {
        "routeKey": route,
        "eventType": event_type,
        "extendedRequestId": "Ux2u_GzFDoEFdLA=",
        "requestTime": "04/Nov/2026:10:11:12 +0000",
        "messageDirection": "IN",
        "stage": "live",
        "connectedAt": 1793787072000,
        "requestTimeEpoch": 1793787072012,
        "identity": {"sourceIp": "192.0.2.7"},
        "requestId": "Ux2u_GzFDoEFdLA=",
        "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "connectionId": "Ux2u_cTHDoECFYg=",
        "apiId": "a1b2c3d4e5",
    }


def connect_event(**extra: Any) -> dict[str, Any]:
    return {"requestContext": context_of("$connect", "CONNECT"), "isBase64Encoded": False, **extra}


def authorize_event(**extra: Any) -> dict[str, Any]:
    return {**connect_event(), "type": "REQUEST", "methodArn": METHOD_ARN, **extra}


def default_event(body: str) -> dict[str, Any]:
    request_context = {**context_of("$default", "MESSAGE"), "messageId": "Ux2vBfs4DoECFYg="}
    return {"requestContext": request_context, "body": body, "isBase64Encoded": False}


WITH_HEADERS = {
    "headers": {"Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "Authorization": "x"},
    "multiValueHeaders": {"Authorization": ["x"]},
}
WITH_QUERY = {
    "queryStringParameters": {"token": "t"},
    "multiValueQueryStringParameters": {"token": ["t"]},
}


def test_there_are_exactly_the_four_handlers(handler_stems: list[str]) -> None:
    assert handler_stems == STEMS


@pytest.mark.parametrize("stem", STEMS)
def test_handler_takes_event_and_context(load_handler: Callable[[str], Handler], stem: str) -> None:
    assert list(inspect.signature(load_handler(stem)).parameters) == ["event", "context"]


@pytest.mark.parametrize("stem", STEMS)
def test_handler_imports_only_the_standard_library(handlers_folder: Path, stem: str) -> None:
    tree = ast.parse((handlers_folder / f"{stem}.py").read_text("utf-8"))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a handler is alone in its package"
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names


def test_cargo_packages_hold_nothing_but_a_docstring(handlers_folder: Path) -> None:
    for package in (handlers_folder, handlers_folder.parent):
        tree = ast.parse((package / "__init__.py").read_text("utf-8"))
        assert ast.get_docstring(tree) == "Cargo: nothing in here is imported by plldb."
        assert len(tree.body) == 1


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({}, id="bare"),
        pytest.param(WITH_HEADERS, id="headers"),
        pytest.param(WITH_QUERY, id="query"),
        pytest.param({**WITH_HEADERS, **WITH_QUERY}, id="headers-and-query"),
        pytest.param({"headers": None, "queryStringParameters": None}, id="nulls"),
    ],
)
def test_authorizer_lets_every_request_in(
    load_handler: Callable[[str], Handler], extra: dict[str, Any]
) -> None:
    answer = load_handler("ws_api_authorize_handler")(authorize_event(**extra), None)
    assert isinstance(answer["principalId"], str)
    assert answer["principalId"]
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    json.dumps(answer)


def test_authorizer_allows_only_the_route_that_was_asked_for(load_handler: Callable[[str], Handler]) -> None:
    answer = load_handler("ws_api_authorize_handler")(authorize_event(), None)
    assert answer["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": METHOD_ARN}],
    }


def test_authorizer_passes_nothing_of_the_request_on(load_handler: Callable[[str], Handler]) -> None:
    secret = {"headers": {"Authorization": "s3cr3t"}, "queryStringParameters": {"token": "s3cr3t"}}
    answer = load_handler("ws_api_authorize_handler")(authorize_event(**secret), None)
    assert "s3cr3t" not in json.dumps(answer)


@pytest.mark.parametrize("extra", [{}, WITH_HEADERS, WITH_QUERY], ids=["bare", "headers", "query"])
def test_connect_accepts_the_connection(
    load_handler: Callable[[str], Handler], extra: dict[str, Any]
) -> None:
    assert load_handler("ws_api_connect_handler")(connect_event(**extra), None) == {"statusCode": 200}


def test_disconnect_answers_200(load_handler: Callable[[str], Handler]) -> None:
    request_context = {
        **context_of("$disconnect", "DISCONNECT"),
        "disconnectStatusCode": 1005,
        "disconnectReason": "Client-side close frame status not set",
    }
    event = {"requestContext": request_context, "isBase64Encoded": False}
    assert load_handler("ws_api_disconnect_handler")(event, None) == {"statusCode": 200}


@pytest.mark.parametrize("body", ["", "hello", '{"action": "nothing"}', "\ud83d", "{" * 1000])
def test_default_answers_any_message_with_the_same_body(
    load_handler: Callable[[str], Handler], body: str
) -> None:
    answer = load_handler("ws_api_default_handler")(default_event(body), None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"status": "ok"}
