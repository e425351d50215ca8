"""What an account of MiniStack holds, and harm done to it by hand. Talks to MiniStack.

Requests are made by hand and unsigned but for the name of the account, which a MiniStack without AUTH
takes: a hundred accounts are looked at without making a client for each.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import aiohttp

from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = ("versioning", "encryption", "lifecycle", "policy", "publicAccessBlock", "ownershipControls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything of an account that setup makes, under names that are the same in every account."""

    stacks: tuple[str, ...]
    tables: tuple[str, ...]
    roles: tuple[str, ...]
    functions: tuple[str, ...]
    log_groups: tuple[str, ...]
    apis: tuple[str, ...]
    buckets: tuple[str, ...]
    settings: tuple[str, ...]
    keys: tuple[str, ...]
    # Not compared: they tell how it came about.
    status: str = field(default="", compare=False)
    versions: int = field(default=0, compare=False)
    uploads: int = field(default=0, compare=False)

    @property
    def empty(self) -> bool:
        """Whether nothing is there."""
        found = (self.stacks, self.tables, self.roles, self.functions, self.log_groups, self.apis)
        return not any(found) and not self.buckets


def bucket_of(account: str) -> str:
    """The artifact bucket's name."""
    return f"plldb-core-infrastructure-{REGION}-{account}"


class Hands:
    """Somebody with a console, in one account; ``endpoint`` is MiniStack itself, not the proxy."""

    def __init__(self, endpoint: str, account: str) -> None:
        self._endpoint = endpoint
        self.account = account
        self.bucket = bucket_of(account)

    async def ask(
        self, service: str, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """One request; status and body of the answer."""
        now = datetime.now(UTC)
        scope = f"{self.account}/{now:%Y%m%d}/{REGION}/{service}/aws4_request"
        signed = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            **(headers or {}),
        }
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._endpoint + path, data=body.encode(), headers=signed) as answer,
        ):
            return answer.status, await answer.text()

    async def query(self, service: str, action: str, **parameters: str) -> str:
        """A request of the Query protocol."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return (await self.ask(service, "POST", "/", urlencode({"Action": action, **parameters}), form))[1]

    async def inventory(self) -> Inventory:
        """Everything that is there."""
        stacks = await self.query("cloudformation", "DescribeStacks")
        living = [
            (name, status)
            for name, status in re.findall(
                r"<StackName>(.*?)</StackName>.*?<StackStatus>(.*?)</StackStatus>", stacks, re.DOTALL
            )
            if status != "DELETE_COMPLETE"
        ]
        tables = await self._json("dynamodb", "DynamoDB_20120810.ListTables")
        groups = await self._json("logs", "Logs_20140328.DescribeLogGroups")
        roles = await self.query("iam", "ListRoles")
        functions = json.loads((await self.ask("lambda", "GET", "/2015-03-31/functions/"))[1])["Functions"]
        apis = json.loads((await self.ask("apigateway", "GET", "/v2/apis"))[1])
        buckets = re.findall(r"<Name>(.*?)</Name>", (await self.ask("s3", "GET", "/"))[1])
        settings = [name for name in SETTINGS if await self._has(name)] if buckets else []
        versions = await self.versions() if buckets else []
        uploads = (await self.ask("s3", "GET", f"/{self.bucket}?uploads"))[1] if buckets else ""
        return Inventory(
            stacks=tuple(name for name, _ in living),
            status=living[0][1] if living else "",
            tables=tuple(sorted(tables["TableNames"])),
            roles=tuple(
                sorted(n.rpartition("-")[0] for n in re.findall("<RoleName>(.*?)</RoleName>", roles))
            ),
            functions=tuple(sorted(each["FunctionName"] for each in functions)),
            log_groups=tuple(sorted(each["logGroupName"] for each in groups["logGroups"])),
            apis=tuple(sorted(each["name"] for each in apis["items"])),
            buckets=tuple(sorted(name.replace(self.account, "<account>") for name in buckets)),
            settings=tuple(settings),
            keys=tuple(sorted({key for key, _ in versions})),
            versions=sum(key.endswith(".zip") for key, _ in versions),
            uploads=uploads.count("<Upload>"),
        )

    async def versions(self) -> list[tuple[str, str]]:
        """Key and version of everything in the bucket, delete markers too."""
        text = (await self.ask("s3", "GET", f"/{self.bucket}?versions"))[1]
        return re.findall(r"<Key>(.*?)</Key>.*?<VersionId>(.*?)</VersionId>", text, re.DOTALL)

    # --- harm ---------------------------------------------------------------------------------------------

    async def delete_objects(self) -> None:
        """Delete every version of every object."""
        for key, version in await self.versions():
            await self.ask("s3", "DELETE", f"/{self.bucket}/{quote(key)}?versionId={quote(version)}")

    async def delete_bucket(self) -> None:
        """Delete the bucket with all that is in it."""
        await self.delete_objects()
        await self.ask("s3", "DELETE", f"/{self.bucket}")

    async def mark_objects_deleted(self) -> None:
        """Delete every object as people do: a delete marker is put on top."""
        for key in dict(await self.versions()):
            await self.ask("s3", "DELETE", f"/{self.bucket}/{quote(key)}")

    async def overwrite_packages(self, count: int = 100) -> None:
        """Put something else in the place of so many packages."""
        packages = [key for key in dict(await self.versions()) if key.endswith(".zip")]
        for key in packages[:count]:
            await self.ask("s3", "PUT", f"/{self.bucket}/{quote(key)}", "not what plldb put here")

    async def begin_upload(self) -> None:
        """Begin an upload in parts that nobody will finish."""
        await self.ask("s3", "POST", f"/{self.bucket}/plldb/unfinished?uploads")

    async def delete_stack(self) -> None:
        """Delete the stack."""
        await self.query("cloudformation", "DeleteStack", StackName="plldb")

    async def _json(self, service: str, target: str) -> dict[str, Any]:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        found: dict[str, Any] = json.loads((await self.ask(service, "POST", "/", "{}", headers))[1])
        return found

    async def _has(self, setting: str) -> bool:
        status, text = await self.ask("s3", "GET", f"/{self.bucket}?{setting}")
        return status == 200 and (setting != "versioning" or "Enabled" in text)
