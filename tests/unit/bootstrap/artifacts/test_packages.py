"""The zip of a function or layer: its bytes, its entries, its limit."""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.artifacts.packages import LARGEST_CONTENT, Package, build_package
from plldb.bootstrap.artifacts.sources import FileContent
from plldb.bootstrap.errors import PackagingError

CONTENT = b"def handler(event, context):\n    return {'statusCode': 200}\n"
SHARED = FileContent(path="plldb/agent/shared.py", content=b"x = 1\n")
WRAPPER = FileContent(path="plldb/wrapper", content=b"#!/bin/bash\n", executable=True)


def package(content: bytes = CONTENT, *more: FileContent) -> Package:
    return build_package("a_handler", [FileContent(path="ws_api_connect_handler.py", content=content), *more])


def entries(body: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.infolist()


@pytest.mark.parametrize(
    ("more", "sha256"),
    [
        ((), "0ac20aada5629355343350e74a4c8a5d446e4b80fd96322533010c55b2072823"),
        ((SHARED, WRAPPER), "8953b897ee132e9bf82665d0cbcd321da8e137d7834a0e21716cae235b4cb80f"),
        ((WRAPPER, SHARED), "8953b897ee132e9bf82665d0cbcd321da8e137d7834a0e21716cae235b4cb80f"),
    ],
)
def test_the_same_files_give_the_same_bytes_on_every_machine_and_every_python(
    more: tuple[FileContent, ...], sha256: str
) -> None:
    assert hashlib.sha256(package(CONTENT, *more).body).hexdigest() == sha256


def test_files_are_readable_one_may_be_executable_and_all_have_a_fixed_time() -> None:
    found = entries(package(CONTENT, WRAPPER, SHARED).body)
    assert [(each.filename, each.external_attr >> 16) for each in found] == [
        ("plldb/agent/shared.py", 0o100644),
        ("plldb/wrapper", 0o100755),
        ("ws_api_connect_handler.py", 0o100644),
    ]
    for each in found:
        assert each.date_time == (1980, 1, 1, 0, 0, 0)
        assert each.create_system == 3
        assert each.compress_type == zipfile.ZIP_STORED


@given(st.binary(max_size=2000))
def test_what_was_zipped_comes_out_again_and_the_digests_are_right(content: bytes) -> None:
    built = package(content, SHARED)
    with zipfile.ZipFile(io.BytesIO(built.body)) as archive:
        assert archive.testzip() is None
        assert archive.read("ws_api_connect_handler.py") == content
    assert built.size == len(built.body)
    assert built.md5 == hashlib.md5(built.body).hexdigest()
    assert b64decode(built.sha256) == hashlib.sha256(built.body).digest()


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_other_sources_give_other_packages(one: bytes, other: bytes) -> None:
    assert (package(one).body == package(other).body) is (one == other)


def test_a_package_that_is_too_large_is_refused_by_name() -> None:
    with pytest.raises(PackagingError, match="a_handler has 262144006 bytes"):
        package(bytes(LARGEST_CONTENT), SHARED)
