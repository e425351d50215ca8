"""One corpus of handlers, events and accidents, for functions as deployed and in workers."""

from __future__ import annotations

import base64
import json

# The event is the code of the handler; what follows the last line is what it returns.
APP = '''
import datetime, decimal, json, logging, math, os, sys, time
from decimal import Decimal
loaded = dict(os.environ)
calls = 0


class Mine(Exception):
    """Of the function itself."""


def deep(n):
    return deep(n + 1)


def chain():
    try:
        {}["missing"]
    except KeyError as error:
        raise Mine("of a cause ü") from error


def handler(event, context):
    global calls
    calls += 1
    if not isinstance(event, str) or not event:
        return event
    if event[0] == " ":
        return len(event)
    scope = dict(globals(), context=context)
    *lines, last = event.strip().splitlines()
    exec("\\n".join(lines), scope)
    return eval(last, scope)
'''

# Parts of names of variables that this machine, the emulator or a shell have of their own.
OWN = (
    *(
        "CA_BUNDLE",
        "SSL_CERT_",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CRED",
        "HOME",
        "PATH",
        "PWD",
        "SHLVL",
        "TMPDIR",
    ),
    *("USER", "LOGNAME", "_proxy", "_PROXY", "AWS_ENDPOINT_URL", "LC_CTYPE", "XRAY", "MINISTACK", "_LAMBDA_"),
    *("_METADATA_", "HOST_PREFIX", "FUNCTION_TIMEOUT", "TRACE_ID"),
)
VALUES = {
    "none": "None",
    "text": "'Zürich \\u2028 \\U0001f600 \\x00 \"quoted\" \\\\ </script>'",
    "a lone surrogate": "'\\ud800'",
    "bytes": "b'{\"a\": 1}'",
    "bytes that are no text": "b'\\xff\\x00'",
    "decimals": "[Decimal('1.10'), Decimal('1E+3'), Decimal('-0'), Decimal('12345678901234567890.123')]",
    "a decimal that is no number": "[Decimal('NaN'), Decimal('-NaN')]",
    "an infinite decimal": "Decimal('Infinity')",
    "not a number": "[math.nan, math.inf, -math.inf]",
    "floats": "[0.1, 1e400, -0.0, 1e22, 5e-324, 1.0]",
    "big numbers": "[10**400, 2**63, -2**64]",
    "keys that are no text": "{1: 'a', None: 'b', True: 'c', 1.5: 'd'}",
    "a tuple": "(1, (2, 3))",
    "a generator": "(n for n in range(3))",
    "a set": "{1}",
    "a date": "datetime.date(2026, 11, 26)",
    "an object": "object()",
    "a circle": "a = []\na.append(a)\na",
    "nested deeply": "a = []\nfor _ in range(100000): a = [a]\na",
    "6 MB": "'x' * (6 * 2**20 - 2)",
    "the largest that Lambda takes": "'x' * (6 * 2**20 + 98)",
    "a byte more": "print('big')\n'x' * (6 * 2**20 + 99)",
    "the next one in a new process": "calls",
    "a large exception": "raise Mine('x' * 2_000_000)\n0",
    "an exception larger than that": "raise Mine('x' * 6 * 2**20)\n0",
    "bytes above the limit": "b'\\xff' * 8_000_000",
    "the next one after those": "calls",
    "an exception": "1 / 0",
    "an exception with a cause": "chain()",
    "an exception without end": "deep(0)",
    "an exception without text": "raise Mine\n0",
    "an exception of several lines": "raise Mine('a\\nb')\n0",
    "json that is none": "json.loads('{')",
    "an exit": "sys.exit(5)",
    "an exit with a text": "sys.exit('bye')",
    "a good exit": "sys.exit()",
    "a keyboard interrupt": "raise KeyboardInterrupt\n0",
    "the end of the process": "os._exit(7)",
    "a kill": "os.kill(os.getpid(), 9)",
    "an abort": "os.abort()",
    "the context": "[context.function_name, context.function_version, context.memory_limit_in_mb, "
    "0 < context.get_remaining_time_in_millis() <= 20000, sorted(vars(type(context)))]",
    "where it is": "[os.getcwd(), sys.path[0], os.environ['_HANDLER'], os.environ['LAMBDA_TASK_ROOT'], "
    "time.tzname, sys.stdin.read(), sys.stdout.encoding, sys.stderr.errors, str(sys.flags)]",
    # Without what is in Lambda only: layers, the runtime.
    "the order of sys.path": "own = os.environ['LAMBDA_TASK_ROOT']\n"
    "python = tuple(os.path.join(each, 'lib') for each in (sys.prefix, sys.base_prefix))\n"
    "found = [each for each in sys.path if each == own or each.startswith(python)]\n"
    "['code' if each == own else os.path.basename(each) for each in found]",
    "loggers": "root = logging.getLogger()\n"
    "[root.level, [[str(each), each.formatter._fmt, each.formatter.datefmt] for each in root.handlers]]",
    "names of variables": f"[each for each in sorted(os.environ) if not any(n in each for n in {OWN})]",
    "variables": "names = ('AWS_LAMBDA_FUNCTION_' + each for each in ('NAME', 'VERSION', 'MEMORY_SIZE'))\n"
    "names = (*names, 'AWS_EX', 'AWS_R', 'AWS_DEF', 'LAMBDA', 'PYTHON', 'LANG', 'TZ', 'TABLE')\n"
    "[sorted(pair for pair in e.items() if pair[0].startswith(names)) for e in (loaded, os.environ)]",
}
EVENTS = {
    "numbers": "[1e400, -0.0, 1.10, 12345678901234567890, 1E5]",
    "the same key twice": '{"a": 1, "a": 2}',
    "escapes": '{"a": "\\ud83d\\ude00 \\u0000 ü"}',
    "not a number": "[NaN, -Infinity]",
    "no json": "{",
    "nothing": "",
}
CLIENT = {"installation_id": "i", "app_title": "t", "app_version_name": "1", "app_version_code": 2}
# The log group is always /aws/lambda/Functions with the emulator.
CONTEXT_TEXT = "str(context).replace('/Functions,', '/' + context.function_name + ',')"
# Client contexts as applications write them.
CALLERS = {
    "a mobile application": {
        "client": CLIENT | {"app_package_name": "p"},
        "custom": {"k": "üÅ \u2028"},
        "env": {"make": 1},
    },
    "a part of a client context": {"custom": {"a": [1]}, "more": 1},
    "an empty client context": {},
    "a client context that is no object": [1],
    "a client context that is null": None,
}
IDENTITY = '{"cognitoIdentityId": "eu-west-1:1234", "cognitoIdentityPoolId": "eu-west-1:5678"}'
SIZES = {
    "6 MB": 6 * 2**20,
    "the largest that the emulator takes": 6 * 2**20 + 100,
    "a byte more": 6 * 2**20 + 101,
}
# Not among them: a process that ends while it is loaded. The emulator then answers nothing at all.
BROKEN = {
    "raises": "x = 1\n1 / 0",
    "a missing module": "import gone_for_good",
    "a missing name": "from os import gone_for_good",
    "no python": "def handler(:",
    "no handler": "",
}
# What monitoring SDKs do when they are imported.
SDKS = {
    # As Sentry finds and wraps it.
    "wraps the runtime": """
import awslambdaric.bootstrap as bootstrap
handle, post = bootstrap.handle_event_request, bootstrap.LambdaRuntimeClient.post_invocation_result
def wrapped(client, request_handler, *more, **named):
    def inner(event, context):
        return {"sdk": request_handler(event, context), "id": bool(context.aws_request_id)}
    return handle(client, inner, *more, **named)
def posted(self, invoke_id, result_data, *more, **named):
    return post(self, invoke_id, result_data.replace("sdk", "SDK"), *more, **named)
bootstrap.handle_event_request = wrapped
bootstrap.LambdaRuntimeClient.post_invocation_result = posted
""",
    "replaces the handler while it is imported": """
import sys
class Replaced:
    def __call__(self, event, context):
        return ["replaced", plain(event, context)]
def __getattr__(name):
    if name == "handler": return Replaced()
    raise AttributeError(name)
""",
    "replaces sockets, clocks and logging": """
import http.client, logging, socket, time
socket.socket = socket.create_connection = http.client.HTTPConnection = None
time.time = lambda: 0.0
logging.basicConfig(force=True, format="mine %(message)s", level="DEBUG")
""",
    "has a marshaller of its own": """
import json
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
class Marshaller:
    def unmarshal_request(self, request, content_type="application/json"):
        return {"mine": json.loads(request)}
    def marshal_response(self, response):
        return json.dumps({"mine": response}), "application/json"
LambdaRuntimeClient.marshaller = Marshaller()
""",
}
USER = """
def plain(event, context):
    if event == "fail": raise KeyError("price")
    return {"event": event}
"""
OUTPUT = """
print('one', flush=True)
print('two')
sys.stderr.write('three\\n')
logging.getLogger().warning('four %s', 4)
logging.getLogger('mine').error('five')
logging.info('six')
chain()
"""


def calls() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Bodies and headers of all calls of Invoke."""
    found: dict[str, tuple[bytes, dict[str, str]]] = {}
    found |= {what: (json.dumps(code).encode(), {}) for what, code in VALUES.items()}
    told = json.dumps(CONTEXT_TEXT).encode()
    for what, context in CALLERS.items():
        text = json.dumps(context, ensure_ascii=False).encode()
        found[what] = told, {"X-Amz-Client-Context": base64.b64encode(text).decode()}
    found["no JSON as client context"] = told, {"X-Amz-Client-Context": base64.b64encode(b"{").decode()}
    found["an identity"] = told, {"X-Amz-Cognito-Identity": IDENTITY, "X-Amz-Tenant-Id": "blue"}
    for what, size in SIZES.items():
        found[f"an event of {what}"] = b'"%s"' % (b" " * (size - 2)), {}
    return found
