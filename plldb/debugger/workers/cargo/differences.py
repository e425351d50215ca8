"""Says what cannot be here as it is in Lambda, at the moment it matters. Talks to the developer.

It looks at connections that are made and at an error that the function does not handle, and adds a line to
the output.
"""

import os
import sys
from contextlib import suppress

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = ("/var/task/", "/opt/", "/var/runtime/")
ENDPOINTS = {
    2773: "the AWS Parameters and Secrets Lambda Extension",
    2772: "the AWS AppConfig Lambda extension",
    8124: "the Datadog extension",
    8126: "the Datadog extension",
    8200: "the Elastic APM extension",
    4317: "the OpenTelemetry layer",
    4318: "the OpenTelemetry layer",
}
"""What listens on localhost in a sandbox, by port, as the documentation of each extension has it."""
PORTS = {2773: "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", 2772: "AWS_APPCONFIG_EXTENSION_HTTP_PORT"}
"""Variables that give one of them another port."""
LOCAL = ("127.0.0.1", "::1")


def watch(runtime, vpc):
    """Look at each error that the runtime is about to report, and at each connection that is made.

    ``vpc``: whether the function is in a VPC.
    """
    extract, make, said = runtime.extract_traceback, runtime.FaultException.__init__, set()
    endpoints = find_endpoints(os.environ)

    def extract_traceback(tb):
        with suppress(Exception):  # the function may raise anything, with any text
            say(explain(sys.exc_info()[1], vpc))
        return extract(tb)

    def make_fault(self, *arguments, **named):
        # Where a module cannot be imported the runtime makes one of these, and tells no traceback. To wrap
        # what raises it would add a line to the tracebacks of other errors.
        make(self, *arguments, **named)
        with suppress(Exception):
            error = sys.exc_info()[1]
            say(explain(error, vpc) if isinstance(error, ImportError) else None)

    def look(event, arguments):
        if event != "socket.connect":
            return
        with suppress(Exception):  # else nothing could be connected any more
            host, port = arguments[1][:2]
            # At once, and also if the function copes with it: some try again for long, or go on without.
            if host in LOCAL and port in endpoints and port not in said:
                said.add(port)
                if not is_open(port):
                    say(f"nothing answers on port {port} here: {endpoints[port]} is in Lambda only")
            if vpc and host not in said and is_private(host):
                said.add(host)
                if host not in find_proxies(os.environ):
                    say(f"{host}:{port} is private, and this machine may have no way to the function's VPC")

    runtime.extract_traceback, runtime.FaultException.__init__ = extract_traceback, make_fault
    sys.addaudithook(look)


def explain_import(error):
    """Return what a compiled module has to do with an import that failed; None if nothing."""
    from importlib import util

    spec = util.spec_from_file_location("_plldb_binaries", os.path.join(HERE, "binaries.py"))
    binaries = util.module_from_spec(spec)
    spec.loader.exec_module(binaries)
    return binaries.explain_import(error)


def say(text):
    """Add a line to the output, if there is one to add."""
    if text:
        sys.stderr.write(f"plldb: {text}\n")


def find_endpoints(variables):
    """Return what listens on localhost in a sandbox, by port, where variables may say another one."""
    found = {}
    for port, name in ENDPOINTS.items():
        text = variables.get(PORTS.get(port, ""), "")
        found[int(text) if text.isdecimal() else port] = name
    return found


def is_open(port):
    """Tell whether anything listens on a port of this machine, such as an agent of the developer's own."""
    import socket

    for host in LOCAL:
        with (
            suppress(OSError),
            socket.create_connection((host, port), 0.2),
        ):  # Windows does not refuse at once
            return True
    return False


def is_private(host):
    """Tell whether an address is one of a private network other than this machine's own."""
    import ipaddress

    address = ipaddress.ip_address(host)
    return address.is_private and not address.is_loopback and not address.is_link_local


def find_proxies(variables):
    """Return the addresses of the proxies that variables name: those are this machine's way out."""
    import socket
    from urllib.parse import urlsplit

    found = set()
    for name, url in variables.items():
        if name.lower().endswith("_proxy") and name.lower() != "no_proxy":
            with suppress(ValueError, OSError):  # no URL, or a name that nobody knows
                host = urlsplit(url if "//" in url else "//" + url).hostname
                found.update(each[4][0] for each in socket.getaddrinfo(host, None) if host)
    return found


def explain(error, vpc):
    """Return what an error, or one that led to it, has to do with being here; None if nothing."""
    raised, seen = error, []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, ImportError) and (why := explain_import(error)):
            return why
        path = str(getattr(error, "filename", None) or "")
        if isinstance(error, FileNotFoundError) and path.startswith(FOLDERS):
            return f"{path} is in Lambda only; LAMBDA_TASK_ROOT names the folder of the code here and there"
        if vpc and type(error).__name__ == "gaierror":
            return "a name of the function's VPC may be unknown to this machine"
        error = error.__cause__ or error.__context__
    # Only what was raised itself: many try whether there is a package, and go on without it.
    if isinstance(raised, ModuleNotFoundError) and raised.name and "." not in raised.name:
        return f"{sys.executable} has no {raised.name}: install it there, or name the project's own Python"
    return None
