"""Stands in for awslambdaric's native module of this name. Talks to plldb's local Runtime API.

The native one exists for Linux only and for one Python at a time; here every system and every Python has the
same. It is loaded before anything of the project, so that no library changes the sockets under it.
"""

import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress

PATH = "/2018-06-01/runtime"

_state = {"address": ("127.0.0.1", 0), "prefix": "", "mark": b"", "agent": ""}
files = {}
"""Time and size of source files that were loaded since plldb was told."""

_socket = socket.socket  # as it is now
_lock = threading.Lock()
_connections = {}

# What the native module hands over, and what it gives where the API sends none.
_HEADERS = {
    "Lambda-Runtime-Aws-Request-Id": "",
    "Lambda-Runtime-Trace-Id": None,
    "Lambda-Runtime-Invoked-Function-Arn": "",
    "Lambda-Runtime-Client-Context": None,
    "Content-Type": None,
    "Lambda-Runtime-Cognito-Identity": None,
    "Lambda-Runtime-Aws-Tenant-Id": None,
    "Lambda-Runtime-Invocation-Id": None,
}


def connect_to(api, secret, mark):
    """Say where plldb's Runtime API is, and what marks the end of an invocation's output."""
    host, _, port = api.partition(":")
    _state.update(address=(host, int(port)), prefix="/" + secret + PATH, mark=mark.encode())


def initialize_client(user_agent):
    """As the native module has it."""
    _state["agent"] = user_agent


def next():  # noqa: A001 - the native module's name
    """Return the body and the headers of the next invocation."""
    _, headers, body = _request("main", "GET", "/invocation/next", {}, b"")
    told = {name: headers.get(name.lower()) or empty for name, empty in _HEADERS.items()}
    told["Lambda-Runtime-Deadline-Ms"] = int(headers.get("lambda-runtime-deadline-ms", "0"))
    return body, told


def post_invocation_result(invoke_id, data, content_type="application/json", invocation_id=None):
    """Answer an invocation."""
    _end_output()
    _post(f"/invocation/{invoke_id}/response", data, {"content-type": content_type}, invocation_id)


def post_error(invoke_id, error, xray_fault="", invocation_id=None):
    """Answer an invocation with an error."""
    _end_output()
    headers = {"content-type": "application/json"}
    if xray_fault:
        headers["lambda-runtime-function-xray-error-cause"] = xray_fault
    _post(f"/invocation/{invoke_id}/error", error, headers, invocation_id)


def call_rapid(_, http_method, endpoint, expected_http_code, payload=None, headers=None):
    """Stand in for awslambdaric's own way to say that the function could not be loaded."""
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClientError
    from awslambdaric.lambda_runtime_marshaller import to_json

    _end_output()
    body = b"" if http_method == "GET" else to_json(payload).encode()
    path = endpoint[len(PATH) :]
    code, _, answer = _request("main", http_method, path, dict(headers or {}), body)
    if code != expected_http_code:
        raise LambdaRuntimeClientError(endpoint, code, answer)


def tell(word, value):
    """Tell plldb something of this worker. It never fails: plldb may be gone."""
    with suppress(OSError, ValueError), _lock:
        _request("side", "POST", "/worker/" + word, {}, json.dumps(value).encode())


def _post(path, data, headers, invocation_id):
    """Post an answer; one that is refused ends this process, in the words of the native module."""
    if invocation_id:
        headers["lambda-runtime-invocation-id"] = invocation_id
    body = data if isinstance(data, bytes) else data.encode()
    code, _, answer = _request("main", "POST", path, headers, body)
    if code != 202:
        said = f"Failed to post handler success response. Http response code: {code}. {answer.decode()}"
        sys.stderr.write(f"[ERROR] [{int(time.time() * 1000)}] LAMBDA_RUNTIME {said}\n")
        raise RuntimeError("Failed to post invocation " + path.rpartition("/")[2])


def _end_output():
    """Mark where the output of this invocation ends, and tell what it has loaded."""
    if files:
        tell("files", dict(files))
        files.clear()
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        with suppress(Exception):  # the function may have put anything in its place
            stream.flush()
        with suppress(OSError):  # the function may have closed it
            os.write(descriptor, _state["mark"])


def _request(name, method, path, headers, body):
    """Send a request on the connection of this name, and return code, headers and body of the answer."""
    owner = (os.getpid(), name)  # a child that was forked has connections of its own
    if owner not in _connections:
        connection = _socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect(_state["address"])
        _connections[owner] = (connection, connection.makefile("rb"))
    connection, stream = _connections[owner]
    host, port = _state["address"]
    lines = [f"{method} {_state['prefix']}{path} HTTP/1.1", f"host: {host}:{port}"]
    lines += [f"user-agent: {_state['agent']}", f"content-length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    code = int(stream.readline().split()[1])
    answered = {}
    while True:
        line = stream.readline().strip()
        if not line:
            break
        key, _, value = line.decode(errors="replace").partition(
            ":"
        )  # a client context may be of any language
        answered[key.lower()] = value.strip()
    return code, answered, stream.read(int(answered.get("content-length", "0")))
