"""Says what cannot be here as it is in Lambda, at the moment it matters. Talks to the developer.

It looks at an error that the function does not handle, and adds one line to its output.
"""

import sys

FOLDERS = ("/var/task/", "/opt/", "/var/runtime/")
ENDPOINTS = {
    "2773": "the AWS Parameters and Secrets Lambda Extension",
    "2772": "the AWS AppConfig Lambda extension",
    "8126": "the Datadog extension",
    "4317": "the OpenTelemetry layer",
    "4318": "the OpenTelemetry layer",
}
LOCAL = ("localhost", "127.0.0.1", "::1", "sandbox.localdomain")


def watch(runtime):
    """Look at each error that the runtime is about to report."""
    extract = runtime.extract_traceback

    def extract_traceback(tb):
        try:
            text = explain(sys.exc_info()[1])
            if text:
                sys.stderr.write(f"plldb: {text}\n")
        except Exception:  # noqa: BLE001, S110 - the function may raise anything, with any text
            pass
        return extract(tb)

    runtime.extract_traceback = extract_traceback


def explain(error):
    """Return what an error, or one that led to it, has to do with being here; None if nothing."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        path = str(getattr(error, "filename", None) or "")
        if isinstance(error, FileNotFoundError) and path.startswith(FOLDERS):
            return f"{path} is in Lambda only; LAMBDA_TASK_ROOT names the folder of the code here and there"
        if isinstance(error, OSError) or "Connection" in type(error).__name__:
            text = str(error)
            for port, name in ENDPOINTS.items():
                if port in text and any(each in text for each in LOCAL):
                    return f"{name}, port {port}, is in Lambda only"
        error = error.__cause__ or error.__context__
    return None
