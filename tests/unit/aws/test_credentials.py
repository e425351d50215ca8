"""Every source of credentials that botocore has, with the region given in each of the ways."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import ClientError

from plldb.aws.credentials import finds_new_source
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.errors import AccessDeniedError, AwsError, CredentialsError, UnreachableError
from tests.support import wire
from tests.unit.aws.variables import known_to_botocore

pytestmark = pytest.mark.once

REGION = "eu-west-1"
KEYS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "x", "SessionToken": "x"}
SEC1_LENGTH = 121  # bytes of a private key on P-256, with its public key (RFC 5915)
FUTURE = "2099-01-01T00:00:00Z"
STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
<Arn>arn:aws:sts::123456789012:assumed-role/dev/x</Arn><UserId>x</UserId><Account>123456789012</Account>
</{0}Result></{0}Response>"""
STATIC = "[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n"


def answer_of(request: wire.Request) -> tuple[str, str]:
    """What was asked for, and the answer of whichever service that is."""
    if action := re.search(rb"Action=(\w+)", request.body or b""):
        return action[1].decode(), STS.format(action[1].decode())
    if request.target.startswith("/federation/credentials"):
        keys = {key[0].lower() + key[1:]: value for key, value in KEYS.items()}
        return "GetRoleCredentials", json.dumps({"roleCredentials": {**keys, "expiration": 4070908800000}})
    if request.target == "/v1/token":
        keys = {key[0].lower() + key[1:]: value for key, value in KEYS.items()}
        token = {"accessToken": keys, "tokenType": "x", "expiresIn": 900, "refreshToken": "x"}
        return "CreateOAuth2Token", json.dumps(token)
    if request.target == "/latest/api/token":
        return "IMDS", "a token"
    if request.target == "/latest/meta-data/iam/security-credentials/":
        return "IMDS", "dev"
    return request.target, json.dumps(
        {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "x", "Token": "x", "Expiration": FUTURE}
    )


Asked = list[tuple[str, str]]
REFUSAL = "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"


@asynccontextmanager
async def aws_of_our_own(
    refused: tuple[int, str, str] | None = None,
) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """All services at one address, and the signature of what each was asked for.

    With ``refused`` it gives no credentials but that status, code and message.
    """
    asked: Asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await wire.read_request(reader)
        assert request
        name, body = answer_of(request)
        asked.append((name, request.header("authorization")))
        kind = "text/xml" if body.startswith("<") else "application/json"
        status = 200
        if refused and name != "GetCallerIdentity":
            status, body = refused[0], REFUSAL.format(*refused[1:])
        response = wire.Response(
            status=status, reason="OK", headers=(("Content-Type", kind),), body=body.encode()
        )
        writer.write(wire.encode_response(response.with_body(response.body), request.method, close=True))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path / ".aws"


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


Prepare = Callable[[Path, str, pytest.MonkeyPatch], str]


def role(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    return f"role_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = keys\n{STATIC}"


def chained_role(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    second = "[profile middle]\nrole_arn = arn:aws:iam::123456789012:role/middle\nsource_profile = keys\n"
    return f"role_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = middle\n{second}{STATIC}"


def role_of_the_environment(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    return "role_arn = arn:aws:iam::123456789012:role/dev\ncredential_source = Environment\n"


def web_identity(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    token = write(home / "token", "a token")
    return f"role_arn = arn:aws:iam::123456789012:role/dev\nweb_identity_token_file = {token}\n"


def process(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    keys = write(home / "keys.json", {"Version": 1, **KEYS, "Expiration": FUTURE})
    return f"credential_process = /bin/cat {keys}\n"


def sso(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    name = hashlib.sha1(b"ours").hexdigest()
    write(home / "sso" / "cache" / f"{name}.json", {"accessToken": "x", "expiresAt": FUTURE})
    account = "sso_account_id = 123456789012\nsso_role_name = dev\n"
    place = "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
    return f"sso_session = ours\n{account}[sso-session ours]\n{place}"


def role_behind_sso(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    first = "role_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = people\n"
    return f"{first}[profile people]\n{sso(home, url, monkeypatch)}"


def container(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/creds")
    return "output = json\n"


def instance(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    return f"ec2_metadata_service_endpoint = {url}\n"


def role_of_the_instance(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    settings = instance(home, url, monkeypatch)
    return (
        f"{settings}role_arn = arn:aws:iam::123456789012:role/dev\ncredential_source = Ec2InstanceMetadata\n"
    )


def role_of_the_container(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    container(home, url, monkeypatch)
    return "role_arn = arn:aws:iam::123456789012:role/dev\ncredential_source = EcsContainer\n"


def login(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    crypto = pytest.importorskip("awscrt.crypto", reason="plldb[login] is not installed")
    made = (crypto.EC.new_generate(crypto.ECType.P_256) for _ in range(100))
    written = (key.export_key(crypto.ECExportFormat.SEC1) for key in made)
    # One in 256 begins with a zero, is written shorter, and awscrt cannot read it again.
    key = next(each for each in written if len(each) == SEC1_LENGTH)
    keys = {key[0].lower() + key[1:]: value for key, value in KEYS.items()}
    token = {
        "accessToken": {**keys, "accountId": "123456789012", "expiresAt": "2020-01-01T00:00:00Z"},
        "refreshToken": "x",
        "clientId": "x",
        "dpopKey": base64.b64encode(key).decode(),
    }
    name = hashlib.sha256(b"arn:aws:iam::123456789012:user/x").hexdigest()
    write(home / "login" / "cache" / f"{name}.json", token)
    return "login_session = arn:aws:iam::123456789012:user/x\n"


INSTANCE = ("IMDS", "/latest/meta-data/iam/security-credentials/dev")
SOURCES: dict[Prepare, tuple[str, ...]] = {
    role: ("AssumeRole",),
    chained_role: ("AssumeRole",),
    role_of_the_environment: ("AssumeRole",),
    web_identity: ("AssumeRoleWithWebIdentity",),
    process: (),
    sso: ("GetRoleCredentials",),
    role_behind_sso: ("GetRoleCredentials", "AssumeRole"),
    container: ("/creds",),
    role_of_the_container: ("/creds", "AssumeRole"),
    instance: INSTANCE,
    role_of_the_instance: (*INSTANCE, "AssumeRole"),
    login: ("CreateOAuth2Token",),
}


# A process of its own: botocore looks for the cache of SSO in the home that it finds when it is imported.
PROBE = """
import asyncio, os, sys
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.aws.session import open_aws

async def ask(given, profile="work", region=None, **variables):
    os.environ.update(variables)
    async with open_aws(Place(profile=profile, region=region), RequestPace(attempts=1)) as aws:
        target = await aws.read_target()
        print(given, target.account, target.region)
    for name in variables:
        del os.environ[name]

async def main():
    await ask("Place", region="eu-west-1")
    await ask("AWS_REGION", AWS_REGION="eu-west-1")
    await ask("AWS_DEFAULT_REGION", AWS_DEFAULT_REGION="eu-west-1")
    await ask("profile", "regional")
    # As the default profile, for one that is named keeps botocore from looking at variables at all.
    profile = "regional" if "AWS_ACCESS_KEY_ID" in os.environ else None
    await ask("empty variables", profile, **{name: "" for name in sys.argv[1:] if name not in os.environ})

asyncio.run(main())
"""
WAYS = ("Place", "AWS_REGION", "AWS_DEFAULT_REGION", "profile", "empty variables")


@pytest.mark.parametrize("prepare", SOURCES, ids=lambda prepare: prepare.__name__)
async def test_each_source_gives_credentials_in_the_region_however_that_is_given(
    home: Path, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aws_of_our_own() as (url, asked):
        settings = prepare(home, url, monkeypatch)
        regional = settings.partition("[")[0]
        with_region = f"region = {REGION}\n{regional}"
        profiles = f"[default]\n{with_region}[profile regional]\n{with_region}[profile work]\n{settings}"
        write(home / "config", profiles)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROBE, *known_to_botocore(), stdout=asyncio.subprocess.PIPE
        )
        said = (await process.communicate())[0].decode()
    assert said.splitlines() == [f"{given} 123456789012 {REGION}" for given in WAYS]
    assert {name for name, _ in asked} == {*SOURCES[prepare], "GetCallerIdentity"}
    for name, signature in asked:
        assert not signature or f"/{REGION}/sts/aws4_request" in signature, name


@pytest.mark.parametrize("given", ["Place", "AWS_REGION"])
async def test_a_callers_own_session_assumes_its_role_in_that_region(
    home: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aws_of_our_own() as (url, asked):
        write(home / "config", f"[default]\n{role(home, url, monkeypatch)}")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        if given == "AWS_REGION":
            monkeypatch.setenv(given, REGION)
        session = AioSession()
        place = Place(region=REGION if given == "Place" else None, session=session)
        async with open_aws(place, RequestPace(attempts=1)) as aws:
            await aws.read_target()
    assert f"/{REGION}/sts/aws4_request" in dict(asked)["AssumeRole"]
    assert session.instance_variables() == {}  # nothing of plldb's stays in it


async def test_a_profile_of_aws_login_without_its_package_is_told_what_to_install(
    home: Path,
) -> None:
    write(home / "config", "[profile work]\nlogin_session = x\n")
    absent = "import sys; sys.modules['awscrt'] = None\n"
    told = "try: asyncio.run(main())\nexcept Exception as error: print(error.hint)"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        absent + PROBE.replace("asyncio.run(main())", told),
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await process.communicate())[0].decode()
    assert "botocore[crt]" in said
    assert "plldb[login]" in said


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "said", "attempts"),
    [
        (
            403,
            "AccessDenied",
            "x is not authorized to perform: sts:AssumeRole",
            AccessDeniedError,
            "sts:AssumeRole",
            1,
        ),
        (403, "ExpiredToken", "The token is expired", CredentialsError, "AssumeRole: AWS does not accept", 1),
        (400, "ValidationError", "1 error detected", CredentialsError, "AssumeRole: 1 error detected", 1),
        (404, "ResourceNotFoundException", "nobody", CredentialsError, "AssumeRole: nobody", 1),
        (500, "InternalFailure", "", UnreachableError, "keeps answering InternalFailure", 3),
    ],
)
async def test_a_refusal_of_credentials_is_told_as_such_and_repeated_only_if_it_may_go_away(
    home: Path,
    status: int,
    code: str,
    message: str,
    kind: type[AwsError],
    said: str,
    attempts: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pace = RequestPace(attempts=3, first_wait=0, longest_wait=0)
    async with aws_of_our_own((status, code, message)) as (url, asked):
        write(home / "config", f"[default]\n{role(home, url, monkeypatch)}")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore's own, which wait
        async with open_aws(Place(region=REGION), pace) as aws:
            with pytest.raises(kind, match=said) as raised:
                await aws.read_target()
    assert raised.value.operation == "AssumeRole"
    assert raised.value.service == "sts"
    assert len(asked) == attempts


KEYS_OF_A_FILE = {"aws_access_key_id": "x"}


@pytest.mark.parametrize(
    ("work", "people", "finds"),
    [
        ({"role_arn": "x", "source_profile": "people"}, {"sso_session": "ours"}, True),
        ({"role_arn": "x", "source_profile": "people"}, {"credential_process": "cat"}, True),
        ({"role_arn": "x", "credential_source": "Ec2InstanceMetadata"}, {}, True),
        ({"role_arn": "x", "credential_source": "Environment"}, {}, False),
        ({"role_arn": "x", "source_profile": "people"}, KEYS_OF_A_FILE, False),
        ({"role_arn": "x", "source_profile": "work", **KEYS_OF_A_FILE}, {}, False),
        ({"role_arn": "x", "source_profile": "people", "mfa_serial": "x"}, {"sso_session": "ours"}, False),
    ],
)
def test_a_role_is_assumed_again_after_a_login_unless_keys_or_an_mfa_code_assume_it(
    work: dict[str, str], people: dict[str, str], finds: bool
) -> None:
    assert finds_new_source({"work": work, "people": people}, "work") is finds


def keys(access_key: str) -> str:
    return f"[default]\naws_access_key_id = {access_key}\naws_secret_access_key = x\n"


async def test_credentials_of_another_account_sign_nothing_but_the_question_whose_they_are(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[tuple[str, str]] = []
    meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await wire.read_request(reader)
        assert request
        name, body = answer_of(request)
        foreign, status = "Credential=OTHER/" in request.header("authorization"), 200
        asked.append((name, "other" if foreign else "first"))
        if foreign and name == "GetCallerIdentity":
            body = body.replace("123456789012", "999999999999")
            with suppress(ClientError):  # another request, at the very moment
                await meanwhile[0]()
        elif len(asked) > 1:
            status, body = 403, REFUSAL.format("ExpiredToken", "x")
        response = wire.Response(status=status, reason="OK", headers=(), body=b"").with_body(body.encode())
        writer.write(wire.encode_response(response, request.method, close=True))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        write(home / "credentials", keys("FIRST"))
        async with open_aws(Place(region=REGION), RequestPace(attempts=3, first_wait=0)) as aws:
            await aws.read_target()
            sts = await aws.client("sts")
            meanwhile.append(sts.get_session_token)
            write(home / "credentials", keys("OTHER"))
            for _ in range(2):
                with pytest.raises(CredentialsError):
                    await aws.call(sts.get_session_token)
    assert {name for name, who in asked if who == "other"} == {"GetCallerIdentity"}
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "the new credentials belong to another account, and are not used"
    ]
