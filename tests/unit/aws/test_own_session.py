"""A variable that is set and empty is as good as none, for every variable that botocore knows."""

from __future__ import annotations

import os
import re
from gzip import compress
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.credentials import ContainerProvider

from plldb.aws.environment import drop_empty
from plldb.aws.own_session import make_session
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.errors import PlldbError, SettingsError
from tests.unit.aws.test_connections import CA, server_tls, sts
from tests.unit.aws.test_credentials import aws_of_our_own
from tests.unit.aws.variables import known_to_botocore

pytestmark = pytest.mark.once


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that is needed lies where the AWS tools look if nothing else is said."""
    for name in known_to_botocore():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text(f"[default]\nregion = eu-west-3\nca_bundle = {CA}\n")
    (folder / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = x\n")
    return folder


async def ask(url: str, session: AioSession | None = None) -> tuple[str, str]:
    async with open_aws(Place(endpoint_url=url, session=session), RequestPace(attempts=1)) as aws:
        return (await aws.read_target()).account, aws.region


@pytest.mark.parametrize("name", known_to_botocore())
async def test_an_empty_variable_is_as_good_as_none(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "")
    (home / "credentials").unlink()
    async with sts(server_tls()) as (url, _), aws_of_our_own() as (instance, _asked):
        # botocore looks everywhere else before it asks the instance.
        with (home / "config").open("a") as config:
            config.write(f"ec2_metadata_service_endpoint = {instance}\n")
        async with open_aws(Place(endpoint_url=url), RequestPace(attempts=1)) as aws:
            target = await aws.read_target()
        assert (target.account, target.region, target.credentials) == (
            "123456789012",
            "eu-west-3",
            "iam-role",
        )
    assert os.environ[name] == ""  # the program's environment stays as it is


@pytest.mark.usefixtures("home")
async def test_nor_do_empty_variables_of_s3_keep_its_client_from_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in known_to_botocore():
        monkeypatch.setenv(name, "")
    async with open_aws(Place(), RequestPace()) as aws:
        await aws.s3()


@pytest.mark.parametrize("setting", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ca_bundle"])
@pytest.mark.parametrize("own", [True, False], ids=["own session", "caller's session"])
async def test_no_empty_setting_switches_the_verification_of_certificates_off(
    home: Path, setting: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca_bundle = "ca_bundle =\n" if setting == "ca_bundle" else ""
    (home / "config").write_text(f"[default]\nregion = eu-west-3\n{ca_bundle}")
    if not ca_bundle:
        monkeypatch.setenv(setting, "")
    async with sts(server_tls()) as (url, targets):
        with pytest.raises(PlldbError, match="certificate"):
            await ask(url, None if own else AioSession())
        assert targets == []


def test_a_program_drops_what_is_empty_from_its_environment() -> None:
    environ: Any = {
        **dict.fromkeys(("AWS_PROFILE", "AWS_ROLE_ARN", ContainerProvider.ENV_VAR, "BOTO_CONFIG"), ""),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": " ",
        "EDITOR": "",
    }
    drop_empty(environ)
    assert environ == {"AWS_REGION": "eu-west-1", "EDITOR": ""}


def test_sessions_read_the_models_once_but_those_of_another_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = make_session(None).get_component("data_loader")
    assert make_session(None).get_component("data_loader") is models
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert str(tmp_path) in make_session(None).get_component("data_loader").search_paths


@pytest.mark.parametrize(
    ("model", "content", "wrong"),
    [
        ("endpoints.json", b"{not json", "it is not JSON: Expecting property name"),
        ("sdk-default-configuration.json", b"[]", "it is no JSON object"),
        ("sts/2011-06-15/service-2.json", b"\xff", "it is not JSON: 'utf-8' codec"),
        ("sts/2011-06-15/service-2.json.gz", b"{}", "not a whole gzip file: Not a gzipped file"),
        (
            "endpoints.json.gz",
            compress(b"{}", mtime=0)[:12],
            "not a whole gzip file: Compressed file ended",
        ),
        (
            "endpoints.json.gz",
            compress(b"{}", mtime=0)[:10] + b"\xff",
            "not a whole gzip file: Error -3",
        ),
    ],
)
async def test_a_model_that_is_not_json_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, content: bytes, wrong: str
) -> None:
    (tmp_path / model).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / model).write_bytes(content)
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    place = Place(region="eu-west-1", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(SettingsError, match=re.escape(f"{tmp_path / model} of AWS's SDK")) as told:
        async with open_aws(place, RequestPace()) as aws:
            await aws.client("sts")
    assert wrong in str(told.value)
    assert "AWS_DATA_PATH" in str(told.value.hint)
