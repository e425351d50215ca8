"""Verbose logs never carry credentials. Talks to the logging of this process."""

import logging
from collections.abc import Iterator

import pytest

from plldb.cli.logs import LEVELS, send_logs_to, send_warnings_to


@pytest.fixture
def lines() -> Iterator[list[str]]:
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).level) for name in LEVELS}
    collected: list[str] = []
    send_logs_to(collected.append)
    yield collected
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, True
        logger.setLevel(level)


def test_plldb_is_heard_in_full_and_botocore_from_info(lines: list[str]) -> None:
    logging.getLogger("plldb.aws.session").debug("one")
    logging.getLogger("botocore.credentials").info("Found credentials in environment variables.")
    logging.getLogger("somebody.else").error("three")
    assert [line.rpartition(": ")[2] for line in lines] == [
        "one",
        "Found credentials in environment variables.",
    ]


def test_signed_headers_of_botocore_are_never_heard(lines: list[str]) -> None:
    for name in ("botocore.auth", "botocore.endpoint", "aiobotocore.endpoint"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.debug("X-Amz-Security-Token: secret")
        logger.setLevel(logging.NOTSET)
    assert lines == []


def test_a_failure_that_botocore_logs_with_its_traceback_is_told_in_a_word(lines: list[str]) -> None:
    try:
        raise ValueError("a secret")
    except ValueError:
        logging.getLogger("aiobotocore.credentials").warning("Refreshing %s failed.", "it", exc_info=True)
    (line,) = lines
    assert " ".join(line.split()).endswith("aiobotocore.credentials: Refreshing it failed. (ValueError)")


def test_without_verbose_the_warnings_of_plldb_are_heard_and_no_others(lines: list[str]) -> None:
    told: list[str] = []
    send_warnings_to(told.append)
    logging.getLogger("plldb.bootstrap.preview").warning("the change set stays behind")
    logging.getLogger("plldb.aws.session").info("a request")
    logging.getLogger("botocore.tokens").error("SSO token refresh attempt failed")
    assert [line.rpartition(": ")[2] for line in told] == ["the change set stays behind"]
    assert lines == []


@pytest.mark.usefixtures("lines")
def test_without_verbose_no_warning_of_botocore_reaches_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    botocore = logging.getLogger("botocore")
    # As in a program that sets up no logging.
    before = botocore.handlers, logging.root.handlers
    botocore.handlers, logging.root.handlers = [], []
    try:
        logging.getLogger("botocore.tokens").warning("one")
        send_warnings_to(print)
        logging.getLogger("botocore.tokens").warning("two")
    finally:
        botocore.handlers, logging.root.handlers = before
    assert capsys.readouterr().err == "one\n"
