"""MiniStack with what AWS does and it does not. Talks to processes. Run by MiniStack's own Python.

This file's folder comes first on the path, so that MiniStack finds the `docker` beside it.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import sys
import threading
import urllib.request
from collections import Counter
from contextlib import nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import ministack.core.iam_evaluator as iam
import ministack.services.apigateway as api_gateway
from ministack.app import main
from ministack.core import iam_actions, lambda_runtime
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, sqs
from ministack.services.cloudformation import engine

SETTINGS = json.loads(os.environ["TEST_CLOUD"])
HANDLERS = 4
"""How many of plldb's own handlers run at a time."""
LAST = "last"
"""The key, in MiniStack's pool, of the sandboxes that get no further invocation."""
LIMIT = Path(SETTINGS["sandboxes"], "limit")
"""How many invocations an account may have at a time, if this file is there."""


def run_functions_in_sandboxes() -> None:
    # In a container MiniStack would look for networks that the stand-in for the SDK does not have.
    lambda_svc._is_in_container = False
    # The handler that is configured, where AWS has it, and no file of MiniStack's beside the code.
    lambda_svc._write_context_arn_shim = lambda *_: None

    # A layer is unpacked once; MiniStack would pack and unpack it for each sandbox.
    lambda_svc._docker_cp_dir = lambda box, folder, place, **_: box.put_folder(place, folder)

    # One version's sandboxes are not another's: AWS_LAMBDA_FUNCTION_VERSION tells them apart.
    key = lambda_svc._warm_pool_key
    lambda_svc._warm_pool_key = lambda name, config: f"{key(name, config)}:{config.get('Version', '$LATEST')}"

    # Routes of WebSocket APIs run where Invoke runs, not in MiniStack's own workers.
    lambda_runtime.get_or_create_worker = lambda _name, config, code, **_: _Sandboxed(config, code)


def let_invocations_finish() -> None:
    """A change of a function ends its sandboxes; one that has an invocation, only after the answer.

    So does one that was just starting: it has the function as it was before.
    """
    kill, spawn = lambda_svc._pool_kill_function, lambda_svc._spawn_lambda_container
    register, release = lambda_svc._pool_register, lambda_svc._pool_release
    pool, changes = lambda_svc._warm_pool, Counter[tuple[str, ...]]()

    def kill_idle(account: str, name: str) -> None:
        changes[account, name] += 1
        with lambda_svc._warm_pool_lock:
            for key in [key for key in pool if _owner(key) == (account, name)]:
                pool.setdefault(LAST, []).extend(entry for entry in pool[key] if entry["in_use"])
                pool[key] = [entry for entry in pool[key] if not entry["in_use"]]
        kill(account, name)

    def spawn_as_it_is(config: dict[str, Any], code: bytes | None, **named: Any) -> Any:
        before = changes[_owner(lambda_svc._warm_pool_key(config["FunctionName"], config))]
        container, folder = spawn(config, code, **named)
        container.changes = before
        return container, folder

    def register_as_it_is(key: str, container: Any, folder: Any) -> Any:
        entry = register(key, container, folder)
        if container.changes != changes[_owner(key)]:
            with lambda_svc._warm_pool_lock:
                pool[key] = [other for other in pool[key] if other is not entry]
                pool.setdefault(LAST, []).append(entry)
        return entry

    def release_or_end(entry: dict[str, Any]) -> None:
        release(entry)
        if any(entry is last for last in pool.get(LAST, ())):
            # As after a timeout, nobody who is to hear the answer waits for the end.
            threading.Thread(target=lambda_svc._pool_remove, args=(entry,), daemon=True).start()

    lambda_svc._pool_kill_function, lambda_svc._spawn_lambda_container = kill_idle, spawn_as_it_is
    lambda_svc._pool_register, lambda_svc._pool_release = register_as_it_is, release_or_end


def _owner(key: str) -> tuple[str, ...]:
    """Account and name of the function of a key of MiniStack's pool."""
    return tuple(key.split(":")[:3:2])


def limit_invocations() -> None:
    """As many of an account at a time as `LIMIT` says, those of sandboxes that are there already too.

    On AWS there is a sandbox for each of plldb's handlers; here a hundred of them would start at once on one
    machine.
    """
    execute, few, running = lambda_svc._execute_function, threading.Semaphore(HANDLERS), Counter[str]()

    def execute_within_limits(func: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        config = func.get("config") or func
        account = config["FunctionArn"].split(":")[4]
        limit = int(LIMIT.read_text()) if LIMIT.exists() else math.inf
        running[account] += 1
        try:
            if running[account] > limit:
                return lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "Rate Exceeded.")
            with few if config["FunctionName"].startswith("plldb-") else nullcontext():
                return execute(func, *arguments, **named)
        finally:
            running[account] -= 1

    lambda_svc._execute_function = execute_within_limits


def refuse_queues_that_show_messages_too_soon() -> None:
    """When a mapping is made Lambda compares the queue's time with the function's timeout, not later."""
    create = lambda_svc._create_esm

    def create_if_right(data: dict[str, Any]) -> Any:
        queue = sqs._queues.get(sqs._queue_url(data["EventSourceArn"].rpartition(":")[2]))
        function = lambda_svc._functions.get(data["FunctionName"].rpartition(":")[2])
        if queue and function:
            hidden, timeout = int(queue["attributes"]["VisibilityTimeout"]), function["config"]["Timeout"]
            if hidden < timeout:
                text = f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout}"
                return lambda_svc.error_response_json(
                    "InvalidParameterValueException", f"{text} seconds", 400
                )
        return create(data)

    lambda_svc._create_esm = create_if_right


class _Sandboxed:
    def __init__(self, config: dict[str, Any], code: bytes) -> None:
        self._record = {"config": config, "code_zip": code}

    def invoke(self, event: dict[str, Any], _request_id: str) -> dict[str, Any]:
        done = lambda_svc._execute_function(self._record, event)
        if done.get("error") or not isinstance(done.get("body"), dict):
            raise RuntimeError("the integration failed")
        return {"status": "ok", "result": done["body"]}


# What Invoke says and AWS's emulator takes. Who a caller is, Cognito says on AWS; here a header does.
PASSED_ON = ("x-amz-client-context", "x-amz-cognito-identity", "x-amz-tenant-id")
_invoke_headers: ContextVar[dict[str, str]] = ContextVar("invoke_headers", default={})  # noqa: B039


class _PassOn(urllib.request.BaseHandler):
    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        for name, value in _invoke_headers.get().items():
            request.add_header(name, value)
        return request


def pass_on_what_invoke_says() -> None:
    invoke = lambda_svc._invoke

    async def with_headers(name: str, event: Any, headers: dict[str, str], *more: Any, **named: Any) -> Any:
        _invoke_headers.set({key: value for key, value in headers.items() if key.lower() in PASSED_ON})
        return await invoke(name, event, headers, *more, **named)

    lambda_svc._invoke = with_headers
    urllib.request.install_opener(urllib.request.build_opener(_PassOn()))


_connection: ContextVar[str] = ContextVar("connection")
_refused: ContextVar[int] = ContextVar("refused")  # the status of `$connect`


def behave_like_api_gateway() -> None:
    handle, new_uuid = api_gateway.handle_websocket, api_gateway.new_uuid
    invoke, context = api_gateway._invoke_ws_lambda, api_gateway._ws_request_context

    async def handle_websocket(
        scope: dict[str, Any], receive: Any, send: Any, *more: Any, **named: Any
    ) -> None:
        """The gate chooses the id, since it must know it; ids end in '=' as they do on AWS.

        A client hears with which status `$connect` has refused it; MiniStack makes 403 of each.
        """

        async def refuse(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.close" and (status := _refused.get(0)):
                await api_gateway._refuse_ws_handshake(scope, send, status, "", _connection.get(), "")
            else:
                await send(message)

        headers = [header for header in scope["headers"] if header[0] != b"x-gate-connection"]
        chosen = dict(scope["headers"]).get(b"x-gate-connection") or base64.urlsafe_b64encode(os.urandom(11))
        _connection.set(chosen.decode())
        await handle({**scope, "headers": headers}, receive, refuse, *more, **named)

    class Uuid(str):
        __slots__ = ()

        def replace(self, old: str, new: str, count: Any = -1) -> str:  # what makes a connection's id of it
            return _connection.get(None) or str.replace(self, old, new, count)

    async def invoke_route(*arguments: Any, **named: Any) -> Any:
        """Of a failure a client hears that there was one; of an answer nothing without a RouteResponse."""
        route, connection, event_type, request = arguments[3], *arguments[5:8]
        try:
            answer = await invoke(*arguments, **named)
        except Exception:  # noqa: BLE001 (whatever happened, a client hears no more)
            answer = None
        if event_type != "MESSAGE":
            answer = answer if answer is not None else {"statusCode": 500}
            if event_type == "CONNECT" and answer.get("statusCode", 200) >= 300:
                _refused.set(answer["statusCode"])
            return answer
        if answer is None or "statusCode" not in answer:
            failure = {"message": "Internal server error", "connectionId": connection, "requestId": request}
            return {"statusCode": 500, "body": json.dumps(failure)}
        return answer if route.get("routeResponseSelectionExpression") else {**answer, "body": ""}

    def request_context(api_id: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """``https://<domainName>/<stage>`` is where @connections are, as on AWS."""
        return {
            **context(api_id, *arguments, **named),
            "domainName": f"{SETTINGS['gate']}/_aws/execute-api/{api_id}",
        }

    def find_api_scope(api_id: str) -> tuple[str, str] | None:
        """Whose an API is says its id: a request to it need not be signed."""
        found = (scope for scope, _ in api_gateway._apis.all_items() if scope[2] == api_id)
        return next(((account, region) for account, region, _ in found), None)

    api_gateway.find_api_scope = find_api_scope
    api_gateway.handle_websocket = handle_websocket
    api_gateway.new_uuid = lambda: Uuid(new_uuid())
    api_gateway._invoke_ws_lambda = invoke_route
    api_gateway._ws_request_context = request_context


def expand_nested_templates() -> None:
    """A nested stack's template is expanded as its parent's is (AWS SAM)."""
    parse = engine._parse_template
    engine._parse_template = lambda body: engine._apply_transforms(parse(body))


def let_minutes_last(seconds: float) -> None:
    """Schedules fire sooner: a minute of rate() lasts so long."""
    rate = eventbridge._parse_rate_seconds
    eventbridge._parse_rate_seconds = lambda text: None if rate(text) is None else rate(text) / 60 * seconds
    eventbridge._SCHEDULER_TICK_INTERVAL = scheduler._SCHEDULE_TICK_INTERVAL = seconds / 4


def behave_like_iam() -> None:
    """In conditions: dynamodb:LeadingKeys, aws:PrincipalArn, and variables such as ${aws:userid}."""
    request, met = iam_actions.dynamodb_service_context, iam._conditions_met
    resolve = iam._resolve_condition_key

    def resolve_key(key: str, caller: Any) -> Any:
        value = resolve(key, caller)
        if key.lower() != "aws:principalarn":
            return value
        # AWS names the role, and not the session of it.
        return re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", str(value))

    def context(body: bytes) -> dict[str, Any]:
        key = _find_leading_key(json.loads(body or b"{}"))
        return {**request(body), **({} if key is None else {"dynamodb:LeadingKeys": [key]})}

    def conditions_met(conditions: dict[str, Any] | None, caller: Any) -> Any:
        def fill(value: Any) -> Any:
            if isinstance(value, list):
                return [fill(one) for one in value]
            if isinstance(value, dict):
                return {name: fill(one) for name, one in value.items()}
            return re.sub(
                r"\$\{([^}]+)\}", lambda m: str(iam._resolve_condition_key(m[1], caller) or m[0]), str(value)
            )

        return met(fill(conditions or {}), caller)

    iam_actions.dynamodb_service_context = context
    iam._conditions_met = conditions_met
    iam._resolve_condition_key = resolve_key


def _find_leading_key(request: dict[str, Any]) -> str | None:
    table = dynamodb._tables.get(str(request.get("TableName", "")).rpartition("/")[2])
    if not table:
        return None
    indexes = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes") or ()}
    schema = indexes.get(request.get("IndexName"), table)["KeySchema"]
    name = next(part["AttributeName"] for part in schema if part["KeyType"] == "HASH")
    value = (request.get("Key") or request.get("Item") or {}).get(name)
    if expression := request.get("KeyConditionExpression"):
        for placeholder, meant in (request.get("ExpressionAttributeNames") or {}).items():
            expression = re.sub(rf"{re.escape(placeholder)}\b", meant, expression)
        if found := re.search(rf"\b{re.escape(name)}\s*=\s*(:\w+)", expression):
            value = request["ExpressionAttributeValues"].get(found[1])
    return None if value is None else str(next(iter(value.values())))


if __name__ == "__main__":
    run_functions_in_sandboxes()
    let_invocations_finish()
    limit_invocations()
    refuse_queues_that_show_messages_too_soon()
    pass_on_what_invoke_says()
    behave_like_api_gateway()
    expand_nested_templates()
    let_minutes_last(SETTINGS["minute"])
    behave_like_iam()
    sys.argv = ["ministack"]
    main()
