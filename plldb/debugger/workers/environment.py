"""The environment that a worker gives to the function. Pure.

Later layers win: this machine's basics, what Lambda sets, the function's own variables, what the message
contributes, this machine's proxy and certificates, what the caller sets.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from plldb.aws.place import Place
from plldb.debugger.workers.settings import FunctionSettings

BASICS = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
        *("TEMP", "TMP", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE"),
        *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    }
)
"""What a program needs of this machine to run at all. Nothing else of it is passed on."""

NETWORK = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    }
)
"""How this machine reaches AWS. It wins over the function's own variables: they are for another network."""

LOCAL = ("localhost", "127.0.0.1", "::1")

ENDPOINT = frozenset({"AWS_ENDPOINT_URL"})
"""Where AWS is, if it is an emulator. A function may have an endpoint of its own: that one counts."""

CREDENTIALS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
FILES = frozenset({"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"})
"""The developer's settings and profiles: a function in Lambda finds none, and so it does here."""
PROFILE = frozenset({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) | FILES
"""Where the caller's own credentials come from, for a function that is to run with them."""

READ_AT_LOAD = frozenset({"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_REGION"})
DEBUGGERS = ("DEBUGPY_", "PYDEVD_")
"""What awslambdaric and debugpy read as they are loaded: names, and beginnings of names. Nothing secret."""

RUNTIME_FOLDER = "/var/runtime"
"""Where Lambda keeps what a runtime brings; there is no such folder here."""

SET_BY_LAMBDA = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PYTHONPATH": RUNTIME_FOLDER,
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
}
"""What Lambda sets and a function may set otherwise (Developer Guide, "Environment variables")."""


def worker_environment(
    function: FunctionSettings,
    *,
    code: Path,
    api: str,
    message: Iterable[tuple[str, str]],
    machine: Mapping[str, str],
    variables: Mapping[str, str],
    own_credentials: bool = False,
) -> dict[str, str]:
    """Return all variables of a worker.

    Args:
        function: as deployed.
        code: the folder of its code here.
        api: host and port of the local Runtime API.
        message: what the sandbox contributes; only an allow-list reaches this place.
        machine: this machine's environment.
        variables: what the caller sets; they win.
        own_credentials: run with the caller's own credentials instead of the role's.
    """
    told = {name: value for name, value in message if not (own_credentials and name in CREDENTIALS)}
    mine = _take(machine, CREDENTIALS | PROFILE) if own_credentials else dict.fromkeys(FILES, os.devnull)
    return {
        **_take(machine, BASICS),
        **mine,
        **SET_BY_LAMBDA,
        **_take(machine, ENDPOINT),
        **function.variables,
        **_reserved(function, code, api),
        **told,
        **_network(machine),
        **variables,
    }


def machine_of(place: Place, environ: Mapping[str, str]) -> dict[str, str]:
    """Return this machine's environment as it would be if variables said what ``place`` says."""
    machine = dict(environ)
    if place.endpoint_url:
        machine["AWS_ENDPOINT_URL"] = place.endpoint_url
    if place.profile:
        # A profile that is named comes before variables, for the AWS tools too.
        machine = {name: value for name, value in machine.items() if name not in CREDENTIALS}
        machine["AWS_PROFILE"] = place.profile
    return machine


def loading_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of a worker's variables the runtime and the debugger read as they are loaded."""
    return {
        name: value
        for name, value in environment.items()
        if name in READ_AT_LOAD or name.startswith(DEBUGGERS)
    }


def start_environment(machine: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker's process is started with: nothing secret, for the process list shows it."""
    return {**_take(machine, BASICS), "LANG": "en_US.UTF-8"}


def _take(machine: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in machine.items() if name in names}


def _network(machine: Mapping[str, str]) -> dict[str, str]:
    """This machine's way to AWS. What is on localhost is not asked of its proxy: in Lambda there is none."""
    found = _take(machine, NETWORK)
    if any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in found):
        direct = found.get("no_proxy") or found.get("NO_PROXY") or ""
        if direct != "*":  # everything, and that only if it stands alone
            direct = ",".join(filter(None, (direct, *LOCAL)))
        found |= {"no_proxy": direct, "NO_PROXY": direct}
    return found


def _reserved(function: FunctionSettings, code: Path, api: str) -> dict[str, str]:
    """What Lambda sets and no function can set."""
    logging = {}
    if function.log_format == "JSON":
        logging = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": function.log_level or "INFO"}
    return {
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",  # no other version is ever armed
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_RUNTIME_API": api,
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": RUNTIME_FOLDER,
        "_HANDLER": function.handler,
        **logging,
    }
