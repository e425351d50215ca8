"""The zip of a handler: its bytes, its entry, its limit."""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.artifacts.packages import LARGEST_CONTENT, Package, build_package
from plldb.bootstrap.artifacts.sources import HandlerSource
from plldb.errors import PackagingError

CONTENT = b"def handler(event, context):\n    return {'statusCode': 200}\n"


def package(content: bytes = CONTENT) -> Package:
    return build_package(
        HandlerSource(
            function_name="ws_api_connect_handler", file_name="ws_api_connect_handler.py", content=content
        )
    )


def entry(body: bytes) -> zipfile.ZipInfo:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (only,) = archive.infolist()
    return only


def test_the_same_source_gives_the_same_bytes_on_every_machine_and_every_python() -> None:
    digest = hashlib.sha256(package().body).hexdigest()
    assert digest == "0ac20aada5629355343350e74a4c8a5d446e4b80fd96322533010c55b2072823"


def test_every_package_has_one_readable_file_with_a_fixed_time() -> None:
    found = entry(package().body)
    assert found.filename == "ws_api_connect_handler.py"
    assert found.date_time == (1980, 1, 1, 0, 0, 0)
    assert found.external_attr >> 16 == 0o100644
    assert found.create_system == 3
    assert found.compress_type == zipfile.ZIP_STORED


@given(st.binary(max_size=2000))
def test_what_was_zipped_comes_out_again_and_the_digests_are_right(content: bytes) -> None:
    built = package(content)
    with zipfile.ZipFile(io.BytesIO(built.body)) as archive:
        assert archive.testzip() is None
        assert archive.read("ws_api_connect_handler.py") == content
    assert built.size == len(built.body)
    assert built.md5 == hashlib.md5(built.body).hexdigest()
    assert b64decode(built.sha256) == hashlib.sha256(built.body).digest()


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_other_sources_give_other_packages(one: bytes, other: bytes) -> None:
    assert (package(one).body == package(other).body) is (one == other)


def test_a_handler_that_is_too_large_is_refused_by_name() -> None:
    with pytest.raises(PackagingError, match="ws_api_connect_handler has 262144001 bytes"):
        package(bytes(LARGEST_CONTENT + 1))
