"""Much of everything: it finishes, memory stays flat, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.bootstrap import Pace, SetupOptions
from plldb.bootstrap.artifacts.bucket import open_bucket
from plldb.bootstrap.artifacts.publish import IN_FLIGHT, Uploader, publish_packages
from plldb.bootstrap.artifacts.sources import FileSource, PackageSource
from tests.faults.baseline import UPDATE, Baseline
from tests.faults.cli import environment
from tests.faults.library import CALM, session_of, succeed
from tests.faults.state import Hands
from tests.support.answers import error, throttled
from tests.support.behaviours import Answer, fraction, on
from tests.support.environment import REGION, invent_account
from tests.support.events import PacedEvents, Pacing
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

ROOT = Path(__file__).parents[2]
MB = 1024 * 1024
# What a process may take or grow by more than one with next to nothing to do; ten times what was seen.
FLAT = 40 * MB


async def measure(
    command: str, endpoint: str, account: str, pace: Pace = CALM, **options: Any
) -> dict[str, Any]:
    """Run a command as a process of its own and return what it took."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "tests.faults.measured",
            command,
            json.dumps({"pace": asdict(pace), **options}),
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(endpoint, account),
        cwd=ROOT,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, stderr.decode()
    result: dict[str, Any] = json.loads(stdout)
    assert len(result["ids"]) == len(set(result["ids"]))
    return result


async def test_a_history_of_10000_events_costs_nothing_and_hides_nothing(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    hands = await UPDATE.prepare(ministack, baseline.accounts)
    small = await measure("setup", ministack, hands.account, tags={"team": "k"})
    proxy.use(on(PacedEvents(Pacing(seconds=1, history=10_000)), "cloudformation"))
    large = await measure("setup", proxy.url, hands.account, tags={"team": "l"})
    assert not [each for each in large["ids"] if each.startswith("history-")]
    assert len(large["ids"]) >= 2
    assert large["peak"] - small["peak"] < FLAT
    # In bytes; the identifiers of the whole history would take as much.
    assert large["held"] - small["held"] < 10_000 * 100
    proxy.forget()
    watched = await measure("watch", proxy.url, hands.account)
    assert watched["ids"] == large["ids"]


class ManyVersions:
    """A behaviour: a bucket with so many versions, invented. (To make them in MiniStack takes minutes.)"""

    def __init__(self, count: int) -> None:
        self.left = {f"v{number:06d}": f"plldb/versions/0.0.{number % 50}/x.zip" for number in range(count)}
        self.deleted: Counter[str] = Counter()

    async def __call__(self, call: Call, forward: Forward) -> Response:
        if call.operation == "ListObjectVersions" and "prefix=plldb" in call.request.target.lower():
            return (await forward(call)).with_body(self._page().encode())
        if call.operation == "DeleteObjects":
            for version in ElementTree.fromstring(call.request.body or b"").iter():
                if version.tag.endswith("VersionId"):
                    self.deleted[version.text or ""] += 1
                    self.left.pop(version.text or "", None)
            return replace(error(call, 200, "", ""), status=200).with_body(b"<DeleteResult/>")
        if call.operation == "DeleteBucket" and self.left:
            return error(call, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
        return await forward(call)

    def _page(self) -> str:
        page = list(self.left.items())[:1000]
        versions = "".join(
            f"<Version><Key>{key}</Key><VersionId>{version}</VersionId><IsLatest>false</IsLatest>"
            "<ETag>&quot;0&quot;</ETag><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Version>"
            for version, key in page
        )
        more = str(len(self.left) > len(page)).lower()
        marks = f"<NextKeyMarker>{page[-1][1]}</NextKeyMarker>" if page else ""
        return f"<ListVersionsResult><IsTruncated>{more}</IsTruncated>{marks}{versions}</ListVersionsResult>"


# Both take more than one page.
FEW, MANY = 2_000, 12_000
# In bytes; a version of which only key and id are kept takes 370.
KEPT = (MANY - FEW) * 150


async def test_a_bucket_with_12000_versions_is_emptied_each_version_once(
    ministack: str, proxy: Proxy
) -> None:
    results = {}
    for count in (FEW, MANY):
        hands = Hands(ministack, invent_account())
        await succeed("setup", hands.account, ministack)
        await hands.delete_objects()
        versions = ManyVersions(count)
        proxy.use(on(versions, "s3"))
        results[count] = await measure("destroy", proxy.url, hands.account)
        assert not versions.left
        assert len(versions.deleted) == count
        assert set(versions.deleted.values()) == {1}
        assert (await hands.inventory()).empty
    assert results[MANY]["held"] - results[FEW]["held"] < KEPT


# More than the 80 that ten times those in flight may be.
PACKAGES = 120


async def nobody(_: object) -> None:
    """Nobody is told."""


async def test_120_packages_of_a_megabyte_take_the_memory_of_those_in_flight(
    ministack: str, tmp_path: Path
) -> None:
    hands = Hands(ministack, invent_account())
    await succeed("setup", hands.account, ministack)
    sources = []
    for number in range(PACKAGES):
        place = tmp_path / f"package_{number:03d}_handler.py"
        place.write_bytes(f"# {number:03d}\n".encode() * (MB // 6))
        files = (FileSource(path=place.name, place=place),)
        sources.append(PackageSource(name=place.stem, folder="lambda_functions", files=files))
    there = Place(session=session_of(hands.account), region=REGION, endpoint_url=ministack)
    async with open_aws(there, CALM) as aws:
        bucket = await open_bucket(aws, await aws.read_target())
        tracemalloc.start()
        try:
            uploader = Uploader(bucket=bucket, version="many", tell=nobody)
            nothing = asyncio.get_running_loop().create_future()
            nothing.set_result({})
            artifacts = await publish_packages(uploader, sources, nothing)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len({artifact.version_id for artifact in artifacts}) == PACKAGES
    assert all(artifact.uploaded and artifact.size >= MB * 0.9 for artifact in artifacts)
    in_flight = IN_FLIGHT * max(artifact.size for artifact in artifacts)
    # Each package is in memory as source, as zip and on the wire, not all at the same time.
    assert peak < 10 * in_flight
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


async def test_an_account_that_throttles_9_of_10_requests_is_served_all_the_same(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    hands = Hands(ministack, invent_account())
    proxy.use(on(Answer(throttled), when=fraction(0.9, seed=4)))
    pace = replace(CALM, first_wait=0.002, longest_wait=0.01)
    await succeed("setup", hands.account, proxy.url, pace=pace)
    assert baseline.is_right("setup", await hands.inventory())
    tagged = SetupOptions(tags={"team": "m"})
    await succeed("setup", hands.account, proxy.url, pace=pace, options=tagged)
    await succeed("destroy", hands.account, proxy.url, pace=pace)
    assert (await hands.inventory()).empty


async def test_an_operation_of_two_hours_is_followed_to_its_end(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    scale = 7200 / 8
    default = Pace()
    times = ("poll", "poll_eager", "poll_quiet", "poll_troubled", "quiet_after", "stall_after")
    pace = replace(CALM, **{name: getattr(default, name) / scale for name in times})
    hands = Hands(ministack, invent_account())
    proxy.use(on(PacedEvents(Pacing(seconds=7200 / scale)), "cloudformation"))
    ran = await measure("setup", proxy.url, hands.account, pace)
    assert baseline.is_right("setup", await hands.inventory())
    assert ran["seconds"] > 7200 / scale
    assert ran["growth"] < FLAT
    events = await hands.query("cloudformation", "DescribeStackEvents", StackName="plldb")
    assert len(ran["ids"]) == events.count("<EventId>")
