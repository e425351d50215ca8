"""Records say how a program used the network."""

from __future__ import annotations

from tests.support.records import Record, count_operations, find_critical_path, find_most_in_flight


def record(start: float, end: float, operation: str = "PutObject") -> Record:
    return Record(
        number=0,
        service="s3",
        operation=operation,
        account="1",
        region="r",
        method="PUT",
        target="/",
        start=start,
        end=end,
        status=200,
        sent=0,
        received=0,
        expected_owner="",
        connection=1,
    )


def test_requests_at_the_same_time_count_once_on_the_critical_path() -> None:
    records = [record(0, 1), record(1, 3), record(1, 2.5), record(1.2, 2), record(3, 4)]
    assert [(r.start, r.end) for r in find_critical_path(records)] == [(0, 1), (1.2, 2), (3, 4)]


def test_no_requests_have_no_critical_path() -> None:
    assert find_critical_path([]) == ()
    assert find_most_in_flight([]) == 0


def test_most_in_flight_is_counted_overall_and_for_one_operation() -> None:
    records = [record(0, 2), record(1, 3), record(1, 2, "GetObject"), record(3, 4)]
    assert find_most_in_flight(records) == 3
    assert find_most_in_flight(records, "PutObject") == 2


def test_operations_are_counted_the_most_frequent_first() -> None:
    records = [record(0, 1, "GetObject"), record(0, 1), record(0, 1)]
    assert list(count_operations(records).items()) == [("PutObject", 2), ("GetObject", 1)]
