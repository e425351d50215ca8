"""What somebody took away or changed by hand, the next setup brings back."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from plldb import bootstrap
from tests.e2e.holdings import BRISK, bucket_of, collect, list_rest, read_code, read_outputs, read_stack
from tests.support.answers import access_denied, error
from tests.support.behaviours import Answer, nth, on
from tests.support.template import OBJECTS, PACKAGES

if TYPE_CHECKING:
    from tests.conftest import OpenClient
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.proxy import Proxy
    from tests.support.wire import Response


async def delete_objects(s3: Any, bucket: str, *, for_good: bool) -> None:
    listed = (await s3.list_object_versions(Bucket=bucket))["Versions"]
    for each in listed:
        version = {"VersionId": each["VersionId"]} if for_good else {}
        await s3.delete_object(Bucket=bucket, Key=each["Key"], **version)


async def set_up() -> list[Any]:
    return await collect(bootstrap.setup(pace=BRISK))


async def test_a_bucket_deleted_by_hand_is_made_again(
    aws_env: dict[str, str], open_client: OpenClient, account: str
) -> None:
    await set_up()
    s3, code = await open_client("s3"), await read_code(open_client)
    await delete_objects(s3, bucket_of(account), for_good=True)
    await s3.delete_bucket(Bucket=bucket_of(account))
    assert not (await bootstrap.status()).healthy

    events = await set_up()
    (ready,) = [event for event in events if isinstance(event, bootstrap.BucketReady)]
    assert ready.created
    assert events[-1].changed
    assert (await bootstrap.status()).healthy
    assert len((await s3.list_object_versions(Bucket=bucket_of(account)))["Versions"]) == OBJECTS
    after = await read_code(open_client)
    assert {name: digest for name, (digest, _) in after.items()} == {n: d for n, (d, _) in code.items()}
    assert not (await set_up())[-1].changed


@pytest.mark.parametrize(("operation", "occurrence"), [("PutBucketPolicy", 1), ("PutObject", OBJECTS)])
async def test_a_bucket_that_goes_away_in_the_middle_is_made_again(
    aws_env: dict[str, str], proxy: Proxy, operation: str, occurrence: int
) -> None:
    # The last object is the template.
    gone = Answer(lambda call: error(call, 404, "NoSuchBucket", "The specified bucket does not exist"))
    proxy.use(on(gone, operation, when=nth(occurrence)))
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    assert events[-1].changed
    readies = [event for event in events if isinstance(event, bootstrap.BucketReady)]
    assert len(readies) == (1 if operation == "PutBucketPolicy" else 2)
    assert (await bootstrap.status()).healthy


async def test_objects_that_go_away_right_before_the_stack_is_made_are_uploaded_again(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, account: str
) -> None:
    s3 = await open_client("s3")

    async def delete_first(call: Call, forward: Forward) -> Response:
        await delete_objects(s3, bucket_of(account), for_good=True)
        return await forward(call)

    proxy.use(on(delete_first, "CreateStack", when=nth(1)))
    events = await collect(bootstrap.setup(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    uploads = [event for event in events if isinstance(event, bootstrap.ArtifactReady) and event.uploaded]
    assert len(uploads) == 2 * PACKAGES
    assert (await bootstrap.status()).healthy


async def test_what_somebody_puts_into_the_bucket_while_it_is_removed_stays_and_is_named(
    aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient, account: str
) -> None:
    await set_up()
    s3 = await open_client("s3")

    async def put_notes(call: Call, forward: Forward) -> Response:
        await s3.put_object(Bucket=bucket_of(account), Key="notes.txt", Body=b"mine")
        return await forward(call)

    proxy.use(on(put_notes, "DeleteBucket", when=nth(1)))
    events = await collect(bootstrap.destroy(bootstrap.Place(endpoint_url=proxy.url), pace=BRISK))
    (kept,) = [event for event in events if isinstance(event, bootstrap.BucketKept)]
    assert (kept.reason, kept.found) == ("foreign", ("notes.txt",))
    assert events[-1].bucket_kept


@pytest.mark.parametrize("for_good", [False, True], ids=["with_a_marker", "for_good"])
async def test_objects_deleted_by_hand_are_uploaded_again(
    aws_env: dict[str, str], open_client: OpenClient, account: str, for_good: bool
) -> None:
    await set_up()
    s3 = await open_client("s3")
    await delete_objects(s3, bucket_of(account), for_good=for_good)
    assert "Contents" not in await s3.list_objects_v2(Bucket=bucket_of(account))

    events = await set_up()
    uploads = [event.uploaded for event in events if isinstance(event, bootstrap.ArtifactReady)]
    assert uploads == [True] * PACKAGES
    assert len((await s3.list_objects_v2(Bucket=bucket_of(account)))["Contents"]) == OBJECTS
    assert not (await set_up())[-1].changed


async def test_code_overwritten_by_hand_does_not_reach_a_function(
    aws_env: dict[str, str], open_client: OpenClient, account: str
) -> None:
    await set_up()
    s3, code = await open_client("s3"), await read_code(open_client)
    listed = (await s3.list_objects_v2(Bucket=bucket_of(account)))["Contents"]
    (key,) = [each["Key"] for each in listed if "connect_handler" in each["Key"] and "dis" not in each["Key"]]
    await s3.put_object(Bucket=bucket_of(account), Key=key, Body=b"something else")

    events = await set_up()
    uploaded = [
        each.function_name for each in events if isinstance(each, bootstrap.ArtifactReady) and each.uploaded
    ]
    assert uploaded == ["ws_api_connect_handler"]
    after = await read_code(open_client)
    assert {name: digest for name, (digest, _) in after.items()} == {n: d for n, (d, _) in code.items()}


async def test_a_stack_deleted_by_hand_is_made_again(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    await set_up()
    old = (await read_stack(open_client))["StackId"]
    cloudformation = await open_client("cloudformation")
    await cloudformation.delete_stack(StackName="plldb")
    await cloudformation.get_waiter("stack_delete_complete").wait(StackName=old)
    assert set(await list_rest(open_client)) == {"buckets"}

    events = await set_up()
    uploads = [event.uploaded for event in events if isinstance(event, bootstrap.ArtifactReady)]
    assert uploads == [False] * PACKAGES  # the bucket still has them
    assert events[-1].deployment.stack_id != old
    assert events[-1].deployment.outputs == await read_outputs(open_client)
    assert (await bootstrap.status()).healthy


async def test_a_failed_update_that_was_rolled_back_needs_no_repair(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    await set_up()
    cloudformation = await open_client("cloudformation")
    template = (await cloudformation.get_template(StackName="plldb"))["TemplateBody"]
    bus = "  Bus:\n    Type: AWS::Events::EventBus\n    Properties:\n      Name: PLLDBTaken\n"
    await (await open_client("events")).create_event_bus(Name="PLLDBTaken")
    tags = (await read_stack(open_client))["Tags"]
    await cloudformation.update_stack(
        StackName="plldb",
        TemplateBody=template.replace("\nOutputs:\n", f"\n{bus}\nOutputs:\n"),
        Tags=tags,
        Capabilities=["CAPABILITY_IAM"],
    )
    events = await set_up()
    assert not [
        event
        for event in events
        if isinstance(event, bootstrap.StackEvent) and event.started_by == "this_run"
    ]
    assert (await read_stack(open_client))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert isinstance(events[-1], bootstrap.SetupFinished)


async def delete_part(open_client: OpenClient, service: str, operation: str, **name: str) -> None:
    client = await open_client(service)
    await getattr(client, operation)(**name)


async def find_api(open_client: OpenClient) -> str:
    return (await read_outputs(open_client))["WebSocketUrl"].removeprefix("wss://").partition(".")[0]


@pytest.mark.parametrize("part", ["PLDDBSessions", "ConnectFunction", "PLDDBAPI"])
async def test_a_part_deleted_by_hand_is_noticed_by_status_and_doctor_and_made_again_by_setup(
    aws_env: dict[str, str], open_client: OpenClient, part: str
) -> None:
    await set_up()
    before = await list_rest(open_client)
    service, operation, name = {
        "PLDDBSessions": ("dynamodb", "delete_table", {"TableName": "PLLDBSessions"}),
        "ConnectFunction": ("lambda", "delete_function", {"FunctionName": "plldb-ws-api-connect"}),
        "PLDDBAPI": ("apigatewayv2", "delete_api", {"ApiId": await find_api(open_client)}),
    }[part]
    await delete_part(open_client, service, operation, **name)

    status = await bootstrap.status()
    assert ([each.logical_id for each in status.missing], status.healthy) == ([part], False)
    findings = [event for event in await collect(bootstrap.doctor()) if isinstance(event, bootstrap.Finding)]
    (problem,) = [each for each in findings if each.verdict == "problem"]
    assert part in problem.message
    planned = (await collect(bootstrap.setup(dry_run=True, pace=BRISK)))[-1]
    assert (planned.action, [each.logical_id for each in planned.missing]) == ("update", [part])
    assert part in {change.logical_id for change in planned.changes}

    events = await set_up()
    (missing,) = [event for event in events if isinstance(event, bootstrap.PartsMissing)]
    assert part in missing.renewed
    assert events[-1].changed
    assert {kind: len(names) for kind, names in (await list_rest(open_client)).items()} == {
        kind: len(names) for kind, names in before.items()
    }
    assert (await bootstrap.status()).healthy
    assert not (await set_up())[-1].changed


async def test_a_setup_that_ends_between_its_two_updates_is_finished_by_the_next_one(
    aws_env: dict[str, str], open_client: OpenClient
) -> None:
    await set_up()
    await delete_part(open_client, "dynamodb", "delete_table", TableName="PLLDBSessions")
    async with aclosing(bootstrap.setup(pace=BRISK)) as events:
        async for event in events:
            if isinstance(event, bootstrap.OperationFinished):
                break
    assert "SessionsTableName" not in await read_outputs(open_client)
    events_of_next = await set_up()
    assert not [event for event in events_of_next if isinstance(event, bootstrap.PartsMissing)]
    assert (await bootstrap.status()).healthy


async def test_who_may_not_look_at_parts_is_told_so_and_can_still_set_up(
    aws_env: dict[str, str], proxy: Proxy
) -> None:
    await set_up()
    proxy.use(on(Answer(access_denied), "DescribeTable"))
    place = bootstrap.Place(endpoint_url=proxy.url)
    status = await bootstrap.status(place)
    assert (status.healthy, status.missing, len(status.unexamined)) == (True, (), 1)
    assert "dynamodb:DescribeTable" in status.unexamined[0]
    assert not (await collect(bootstrap.setup(place, pace=BRISK)))[-1].changed
