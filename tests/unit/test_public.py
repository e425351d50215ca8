"""The front door: every public name is meant, explained, and of the promised shape."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
import types
import typing
from collections.abc import AsyncGenerator, Iterator
from types import ModuleType

import pytest

import plldb
from plldb import bootstrap, debugger, errors
from plldb.bootstrap import events
from plldb.debugger import events as debugger_events


def _family(error: type[errors.PlldbError]) -> Iterator[type[errors.PlldbError]]:
    yield error
    for child in error.__subclasses__():
        yield from _family(child)


FACES: list[ModuleType] = [plldb, bootstrap, debugger, errors]
STATES = {bootstrap.BootstrapStatus, debugger.DebuggerStatus, debugger.Invoked}
EVENTS: frozenset[type] = frozenset({*typing.get_args(events.Event), *typing.get_args(debugger_events.Event)})
ERRORS = [*_family(errors.PlldbError)]
CLASSES = [
    value
    for package in (events, debugger_events)
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    for module in [importlib.import_module(found.name)]
    for value in vars(module).values()
    if inspect.isclass(value) and value.__module__ == module.__name__
]


def defined_or_imported(module: ModuleType) -> set[str]:
    """Names without an underscore that are neither modules nor imports from outside plldb."""
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return {
        name
        for name, value in own.items()
        if not isinstance(value, ModuleType)
        and getattr(value, "__module__", "plldb").startswith(("plldb", "types"))
    }


@pytest.mark.parametrize("module", [bootstrap, debugger, errors], ids=lambda module: str(module.__name__))
def test_a_name_is_public_if_and_only_if_it_stands_in_all(module: ModuleType) -> None:
    words = {name for name in module.__all__ if typing.get_origin(getattr(module, name)) is typing.Literal}
    found = defined_or_imported(module) - {"ClassVar", "TYPE_CHECKING", "annotations"}
    assert found == set(module.__all__) - words
    assert list(module.__all__) == sorted(module.__all__)


def test_the_package_itself_has_its_version_only() -> None:
    assert plldb.__all__ == ["__version__"]


@pytest.mark.parametrize("module", FACES, ids=lambda module: str(module.__name__))
def test_every_public_class_and_function_is_explained(module: ModuleType) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            text = value.__doc__ or ""
            # What dataclass writes when there is no docstring looks like a signature.
            assert text.strip(), name
            assert not text.startswith(f"{name}("), name


def test_every_class_of_events_is_an_event_or_a_part_of_one() -> None:
    found: set[type] = set()
    new = {*EVENTS, *STATES}
    while new:
        found |= new
        hints = [hint for owner in new for hint in typing.get_type_hints(owner).values()]
        new = {each for hint in hints for each in _flat(hint) if each in CLASSES} - found
    assert set(CLASSES) == found


def _flat(hint: object) -> set[type]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is not None:
        return {found for argument in typing.get_args(hint) for found in _flat(argument)}
    return {hint} if isinstance(hint, type) else set()


def test_every_event_and_each_of_its_parts_is_public() -> None:
    assert {each.__name__ for each in CLASSES} <= {*bootstrap.__all__, *debugger.__all__}


@pytest.mark.parametrize("event", sorted(EVENTS, key=str), ids=lambda event: str(event.__name__))
def test_every_event_has_its_name_as_a_literal_kind(event: type) -> None:
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()
    assert typing.get_type_hints(event)["kind"] == typing.Literal[words]
    assert event.__dataclass_fields__["kind"].default == words  # type: ignore[attr-defined]


@pytest.mark.parametrize("event", CLASSES, ids=lambda event: str(event.__name__))
def test_every_event_is_a_frozen_slotted_dataclass_by_keyword(event: type) -> None:
    assert dataclasses.is_dataclass(event)
    params = event.__dataclass_params__  # type: ignore[attr-defined]
    assert params.frozen
    assert "__slots__" in vars(event)
    assert all(field.kw_only for field in dataclasses.fields(event))
    hints = typing.get_type_hints(event).values()
    assert not any(typing.get_origin(hint) in (list, dict, set) for hint in hints)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error.__name__))
def test_every_error_is_public_has_a_code_of_its_own_and_is_drawn_in_a_tree(
    error: type[errors.PlldbError],
) -> None:
    module = sys.modules[error.__module__]
    assert error.__name__ in module.__all__
    assert any(error.__name__ in face.__all__ for face in FACES)
    assert [each.code for each in ERRORS].count(error.code) == 1
    assert error is errors.PlldbError or f"── {error.__name__} " in (module.__doc__ or "")


def test_an_error_is_its_message_and_knows_the_way_out() -> None:
    hint = errors.Hint("fix-cause", "Fix it.")
    error = bootstrap.StackStuckError("it is stuck", stack="plldb", status="DELETE_FAILED", hint=hint)
    assert (str(error), error.message, error.hint) == ("it is stuck", "it is stuck", hint)
    assert (error.stack, error.status, error.failures, error.code) == (
        "plldb",
        "DELETE_FAILED",
        (),
        "stack-stuck",
    )


@pytest.mark.parametrize("name", ["setup", "destroy", "watch", "doctor"])
def test_the_operations_are_async_generators(name: str) -> None:
    assert inspect.isasyncgen(getattr(bootstrap, name)())
    assert inspect.iscoroutinefunction(bootstrap.status)
    assert inspect.isasyncgenfunction(debugger.restore)
    assert inspect.iscoroutinefunction(debugger.status)


async def test_the_result_alone_is_the_last_event_and_closes_the_stream() -> None:
    closed = []

    async def operation() -> AsyncGenerator[bootstrap.WatchEvent, None]:
        try:
            yield bootstrap.EventsDelayed(reason="slow", seconds=1.0)
            yield bootstrap.WatchFinished(stack_name="plldb", status=None)
        finally:
            closed.append(True)

    assert (await bootstrap.result(operation())).outcome == "watched"
    assert closed
