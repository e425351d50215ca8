from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plldb.debugger.errors import SourceError
from plldb.debugger.workers.settings import FunctionSettings
from plldb.debugger.workers.source import Project, Source, find_source

BEHIND_A_VENDOR = [
    ("app.handler", {}, "app.handler"),
    ("src/pkg/app.handler", {}, "src/pkg/app.handler"),
    ("datadog_lambda.handler.handler", {"DD_LAMBDA_HANDLER": "app.handler"}, "app.handler"),
    ("newrelic_lambda_wrapper.handler", {"NEW_RELIC_LAMBDA_HANDLER": "src/pkg.main"}, "src/pkg.main"),
    ("/opt/python/lumigo_tracer._handler", {"LUMIGO_ORIGINAL_HANDLER": "app.handler"}, "app.handler"),
    ("lumigo_tracer._handler", {"LUMIGO_ORIGINAL_HANDLER": "app.handler"}, "app.handler"),
    (
        "sentry_sdk.integrations.init_serverless_sdk.sentry_lambda_handler",
        {"SENTRY_INITIAL_HANDLER": "app.handler"},
        "app.handler",
    ),
    ("otel_wrapper.lambda_handler", {"ORIG_HANDLER": "app.handler"}, "app.handler"),
    ("epsagon.wrapper", {"EPSAGON_HANDLER": "app.handler"}, "app.handler"),
    ("thundra.handler.wrapper", {"thundra_agent_lambda_handler": "app.handler"}, "app.handler"),
    ("instana.lambda_handler", {"LAMBDA_HANDLER": "app.handler"}, "app.handler"),
    ("instana.lambda_handler", {}, "lambda_function.lambda_handler"),
    # two in a row, somebody's own wrapper, one that is set and is not in front, one that names itself
    (
        "datadog_lambda.handler.handler",
        {"DD_LAMBDA_HANDLER": "newrelic_lambda_wrapper.handler", "NEW_RELIC_LAMBDA_HANDLER": "app.handler"},
        "app.handler",
    ),
    ("/opt/python/company.wrap", {"ORIG_HANDLER": "app.handler"}, "app.handler"),
    ("app.handler", {"DD_LAMBDA_HANDLER": "src/pkg.main"}, "app.handler"),
    ("epsagon.wrapper", {"EPSAGON_HANDLER": "epsagon.wrapper", "ORIG_HANDLER": "app.handler"}, "app.handler"),
]


def find(root: Path, handler: str, variables: dict[str, str] | None = None) -> Source:
    function = FunctionSettings(
        name="orders", arn="", handler=handler, runtime="python3.13", variables=variables or {}
    )
    return find_source(Project(folder=root, python=Path(sys.executable)), function)


@pytest.mark.parametrize(("handler", "variables", "own"), BEHIND_A_VENDOR)
def test_behind_the_handlers_of_vendors_is_the_functions_own(
    tmp_path: Path, handler: str, variables: dict[str, str], own: str
) -> None:
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    for name in ("app.py", "src/pkg/__init__.py", "src/pkg/app.py", "lambda_function.py"):
        (tmp_path / name).touch()
    assert find(tmp_path, handler, variables).handler == own


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (
            "run.sh",
            r"run\.sh of orders is a script that starts a web server \(AWS Lambda Web Adapter\)",
        ),
        ("wsgi_handler.handler", "is written by serverless-wsgi when the project is packaged"),
        ("s_hello.handler", "is written by the Serverless Framework's dashboard when"),
        ("_lumigo/hello.hello", "is written by Lumigo's plugin when"),
        ("/opt/python/company.wrap", "is in a layer, not in the project"),
        ("datadog_lambda.handler.handler", "is not in any file below"),
    ],
)
def test_a_handler_that_is_in_no_file_is_named_as_what_it_is(
    tmp_path: Path, handler: str, message: str
) -> None:
    (tmp_path / "run.py").touch()
    with pytest.raises(SourceError, match=message):
        find(tmp_path, handler)
