"""Which handler of a function is the developer's own, and what is known of one that is no file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from plldb.debugger.workers.settings import FunctionSettings

VENDORS: Mapping[str, str] = MappingProxyType(
    {
        "datadog_lambda.handler": "DD_LAMBDA_HANDLER",
        "newrelic_lambda_wrapper": "NEW_RELIC_LAMBDA_HANDLER",
        "lumigo_tracer": "LUMIGO_ORIGINAL_HANDLER",
        "sentry_sdk.integrations.init_serverless_sdk": "SENTRY_INITIAL_HANDLER",
        "otel_wrapper": "ORIG_HANDLER",
        "epsagon": "EPSAGON_HANDLER",
        "thundra.handler": "thundra_agent_lambda_handler",
        "instana": "LAMBDA_HANDLER",
    }
)
"""Modules of vendors that stand in the place of a function's handler, and the variable that holds it.

Datadog, New Relic, Lumigo, Sentry, OpenTelemetry, Epsagon, Thundra, Instana; from their public code, November
2026. Others (Elastic, Dynatrace, Splunk, Honeycomb) leave the handler as it is, and set a wrapper script.
"""

DEFAULTS: Mapping[str, str] = MappingProxyType({"instana": "lambda_function.lambda_handler"})
"""The handler that a vendor takes where its variable is not set."""

GENERATED: Mapping[str, str] = MappingProxyType(
    {
        "wsgi_handler": "serverless-wsgi",
        "s_": "the Serverless Framework's dashboard",
        "_lumigo.": "Lumigo's plugin",
        "datadog_handlers.": "Datadog's plugin",
        "epsagon_handlers.": "Epsagon's plugin",
    }
)
"""How modules begin that a tool writes when it packages a project: they are in no file of the project."""

_LAYERS = "/opt/"


def own_handlers(function: FunctionSettings) -> tuple[str, ...]:
    """Return the handlers to look for, best first.

    The first is the one that Lambda runs, or the function's own behind those of vendors, who may stand in a
    row. Then come those that a vendor's variable names: somebody's own wrapper may use it too.
    """
    handler = function.handler
    passed = {handler}
    while (behind := _behind(handler, function.variables)) and behind not in passed:
        handler = behind
        passed.add(handler)
    others = [function.variables.get(name, "") for name in VENDORS.values()]
    return tuple(dict.fromkeys([handler, *(each for each in others if each), function.handler]))


def _behind(handler: str, variables: Mapping[str, str]) -> str:
    module = module_of(handler)
    for vendor, variable in VENDORS.items():
        if module == vendor or module.startswith(f"{vendor}."):
            return variables.get(variable, DEFAULTS.get(vendor, ""))
    return ""


def module_of(handler: str) -> str:
    """Return the module of a handler as Python imports it: slashes are dots, a layer's folder is left out."""
    path = handler.rpartition(".")[0]
    return path.removeprefix(f"{_LAYERS}python/").replace("/", ".")


def files_of(handler: str) -> tuple[str, ...]:
    """Return the files in which a handler may be, best first; none for one that Python cannot import."""
    parts = handler.rpartition(".")[0].replace("/", ".").split(".")
    if not all(parts) or is_script(handler):
        return ()
    path = "/".join(parts)
    return (f"{path}.py", f"{path}/__init__.py")


def is_script(handler: str) -> bool:
    """Whether a handler is a script that starts a web server, for AWS Lambda Web Adapter: ``run.sh``."""
    return handler.endswith(".sh")


def is_generated(handler: str) -> bool:
    """Whether a tool writes the module of a handler when it packages the project."""
    return module_of(handler).startswith(tuple(GENERATED))


def why_no_file(handler: str) -> str:
    """Return what is known of a handler that is in no file, as the rest of a sentence; else nothing."""
    module = module_of(handler)
    if is_script(handler):
        return "is a script that starts a web server (AWS Lambda Web Adapter), not a handler in Python"
    for begins, tool in GENERATED.items():
        if module.startswith(begins):
            return f"is written by {tool} when the project is packaged, and is in none of its files"
    if handler.startswith(_LAYERS):
        return "is in a layer, not in the project"
    return ""
