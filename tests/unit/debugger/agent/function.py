"""A function with its runtime, in one file: it does what the event says. Talks to the Runtime API."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time

print("runtime starts", flush=True)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def post(path: str, body: object, headers: dict[str, str] | None = None) -> None:
    api.request("POST", "/2018-06-01/runtime/" + path, body, headers or {})  # type: ignore[arg-type]
    api.getresponse().read()


while "INIT_UNTIL" in os.environ and not os.path.exists(os.environ["INIT_UNTIL"]):
    time.sleep(0.01)
if "INIT_ERROR" in os.environ:
    post("init/error", '{"errorType": "Runtime.ImportModuleError"}')
    raise SystemExit(1)

while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    rid = answer.getheader("Lambda-Runtime-Aws-Request-Id")
    event = json.loads(answer.read() or b"{}")
    result: object = None
    what = event.get("do")
    if what == "sleep":
        time.sleep(event["seconds"])
    elif what == "exit":
        os._exit(event["status"])
    elif what == "kill":
        os.kill(os.getpid(), event["signal"])
        time.sleep(5)
    elif what == "environment":
        result = dict(os.environ)
    elif what == "headers":
        result = dict(answer.getheaders())
    elif what == "write":
        os.write(int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"]), b"through the descriptor\n")
    elif what == "signals":
        result = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    elif what == "stream":
        chunks = (part for part in (b"one", b"two"))
        post(f"invocation/{rid}/response", chunks, {"Lambda-Runtime-Function-Response-Mode": "streaming"})
        continue
    elif what == "expect":
        api.putrequest("POST", f"/2018-06-01/runtime/invocation/{rid}/response")
        api.putheader("Content-Length", "4")
        api.putheader("Expect", "100-continue")
        api.endheaders()
        api.sock.recv(1000)  # it sends the body once it is told to go on
        api.send(b"null")
        api.getresponse().read()
        continue
    elif what == "raise":
        headers = {"Lambda-Runtime-Function-Error-Type": "ValueError"}
        post(f"invocation/{rid}/error", '{"errorType": "ValueError"}', headers)
        continue
    elif what == "extension":
        other = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        other.request("POST", "/2020-01-01/extension/register", "{}", {"Lambda-Extension-Name": "inner"})
        answer = other.getresponse()
        result = [answer.status, answer.getheader("X-Kept"), answer.read().decode()]
    post(f"invocation/{rid}/response", json.dumps(result))
