"""Make the bucket ready: what is written, and what is only read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from plldb.bootstrap.artifacts.prepare import TURN_ON, make_safe, prepare_bucket
from plldb.bootstrap.artifacts.settings import SETTINGS
from plldb.bootstrap.artifacts.survey import StoredObject
from plldb.bootstrap.errors import BucketError
from tests.unit.aws.fakes import Answer, refused
from tests.unit.bootstrap.artifacts.buckets import GONE, NEVER_MADE, bucket, listener, page

PUTS: dict[str, list[Answer]] = {setting.write: [{}] for setting in SETTINGS}
NEW = tuple(setting.name for setting in SETTINGS if setting.name != "versioning")


@pytest.mark.parametrize(
    ("region", "probably_new", "listing", "create", "expected"),
    [
        ("eu-west-1", True, [page()], [{}], (True, True)),
        ("eu-west-1", True, [page()], [refused("BucketAlreadyOwnedByYou", status=409)], (False, True)),
        ("eu-west-1", False, [GONE, page()], [{}], (True, True)),
        # In this region S3 does not say whether a bucket is new.
        ("us-east-1", True, [GONE, page()], [{}], (True, True)),
        ("us-east-1", True, [page()], [{}], (False, True)),
    ],
)
async def test_versioning_is_turned_on_first_and_then_the_rest(
    region: str,
    probably_new: bool,
    listing: list[Answer],
    create: list[Answer],
    expected: tuple[bool, bool],
) -> None:
    here: list[Answer] = [{"BucketRegion": region}]
    scripts = (
        NEVER_MADE | PUTS | {"list_object_versions": listing, "head_bucket": here, "create_bucket": create}
    )
    ours, client = bucket(region, **scripts)
    written: list[list[str]] = []

    def may_upload(stored: Mapping[str, StoredObject]) -> None:
        assert stored == {}
        written.append([asked for asked, _ in client.asked if asked.startswith("put")])

    ready = await prepare_bucket(ours, "plldb/", listener()[1], may_upload, probably_new=probably_new)
    assert (ready.created, ready.versioned_now) == expected
    assert ready.repaired == ("versioning", *NEW)
    assert written == [["put_bucket_versioning"]]
    assert sorted(asked for asked, _ in client.asked if asked.startswith("put")) == sorted(PUTS)


async def test_a_strangers_bucket_is_told_also_while_settings_are_written() -> None:
    denied = [refused("AccessDenied", "Access Denied", 403)]
    ours, _ = bucket(put_bucket_versioning=[*denied], head_bucket=[*denied])
    with pytest.raises(BucketError, match="another account"):
        await make_safe(ours, [TURN_ON])
