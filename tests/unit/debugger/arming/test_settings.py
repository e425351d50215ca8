"""What arming puts on a function comes out again, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.debugger.arming.examine import Function, function_of, refuse, refuse_environment
from plldb.debugger.arming.settings import (
    ARMED_TIMEOUT,
    VARIABLE,
    WRAPPER_VARIABLE,
    Arms,
    Replaced,
    Settings,
    arm_settings,
    is_touched,
    read_arms,
    replaced_by_arming,
    restore_settings,
)

pytestmark = pytest.mark.once

OUR_LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:plldb-agent:7"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:pandas:3"
PLAIN = Settings(timeout=30, layers=(LAYER,), variables={"STAGE": "test"})

names = st.text("ABC_", min_size=1, max_size=3)
wrappers = st.sampled_from(["", "/opt/datadog_wrapper", "/opt/a|b"])
deployed = st.builds(
    lambda timeout, layers, variables, wrapper: Settings(
        timeout=timeout,
        layers=tuple(layers),
        variables={**variables, **({WRAPPER_VARIABLE: wrapper} if wrapper else {})},
    ),
    st.integers(1, 900),
    st.lists(st.sampled_from([LAYER, LAYER.replace("pandas", "own"), LAYER.replace(":3", ":4")]), max_size=4),
    st.dictionaries(names, st.text(max_size=5), max_size=4),
    wrappers,
)


def arms_for(settings: Settings) -> Arms:
    return Arms(
        lease_until=1_800_000_000,
        url="wss://a.example/live",
        token="secret",
        replaced=replaced_by_arming(settings),
    )


def armed(settings: Settings) -> Settings:
    return arm_settings(settings, arms_for(settings), OUR_LAYER)


@given(deployed)
def test_an_armed_function_is_restored_from_itself_alone(settings: Settings) -> None:
    assert is_touched(armed(settings))
    assert restore_settings(armed(settings)) == settings
    assert read_arms(armed(settings).variables) == arms_for(settings)


@given(deployed)
def test_restoring_what_is_not_armed_changes_nothing(settings: Settings) -> None:
    assert not is_touched(settings)
    assert restore_settings(settings) == settings
    assert restore_settings(settings, replaced_by_arming(PLAIN)) == settings


@given(deployed, deployed, st.sets(st.sampled_from(["timeout", "layers", "variables"])))
def test_what_a_deployment_has_changed_since_stays(
    before: Settings, since: Settings, parts: set[str]
) -> None:
    now = armed(before)
    if "timeout" in parts:
        now = replace(now, timeout=since.timeout)
    if "layers" in parts:
        now = replace(now, layers=(*since.layers, OUR_LAYER))
    if "variables" in parts:
        own = {name: value for name, value in now.variables.items() if name in (VARIABLE, WRAPPER_VARIABLE)}
        now = replace(now, variables={**since.variables, **own})
    restored = restore_settings(now)
    assert restored.layers == (since if "layers" in parts else before).layers
    if "timeout" in parts and since.timeout != ARMED_TIMEOUT:
        assert restored.timeout == since.timeout
    without = {WRAPPER_VARIABLE}
    expected = (since if "variables" in parts else before).variables
    assert {k: v for k, v in restored.variables.items() if k not in without} == {
        k: v for k, v in expected.items() if k not in without
    }
    assert not is_touched(restored)


def test_without_the_variable_what_was_replaced_is_known_from_the_mutex() -> None:
    before = replace(PLAIN, variables={WRAPPER_VARIABLE: "/opt/own"})
    now = armed(before)
    stripped = replace(now, variables={WRAPPER_VARIABLE: now.variables[WRAPPER_VARIABLE]})
    assert restore_settings(stripped, replaced_by_arming(before)) == before


def test_a_wrapper_that_was_deployed_since_stays() -> None:
    now = armed(PLAIN)
    now = replace(now, variables={**now.variables, WRAPPER_VARIABLE: "/opt/theirs"})
    assert restore_settings(now).variables == {"STAGE": "test", WRAPPER_VARIABLE: "/opt/theirs"}


@pytest.mark.parametrize("value", ["", "1|2|3", "2|1|u|t|3|", "1|soon|u|t|3|", "1|1|u|t|x|"])
def test_a_variable_of_another_form_is_not_guessed_at(value: str) -> None:
    assert read_arms({VARIABLE: value}) is None


def test_secrets_are_not_in_what_is_printed() -> None:
    settings = replace(armed(PLAIN), variables={**armed(PLAIN).variables, "PASSWORD": "hunter2"})
    printed = repr((settings, arms_for(PLAIN), function_of({"Environment": {"Variables": {"P": "hunter2"}}})))
    assert "secret" not in printed
    assert "hunter2" not in printed


BASE = {
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST",
    "FunctionName": "f",
    "Runtime": "python3.13",
    "Handler": "app.handler",
    "Timeout": 3,
}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, None),
        ({"Runtime": "nodejs22.x"}, "not-python"),
        ({"Runtime": "provided.al2023"}, "not-python"),
        ({"Runtime": "python3.8"}, "runtime"),
        ({"PackageType": "Image", "Runtime": None}, "kind"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "kind"),
        ({"SnapStart": {"ApplyOn": "None"}}, None),
        ({"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}}, "kind"),
        ({"MasterArn": "arn:aws:lambda:us-east-1:123456789012:function:f:1"}, "kind"),
        ({"FunctionName": "plldb-ws-api-connect"}, "kind"),
        ({"DurableConfig": {"ExecutionTimeout": 60}}, "kind"),
        ({"Environment": {"Error": {"ErrorCode": "AccessDeniedException"}}}, "environment-unreadable"),
        ({"Environment": {"Variables": {WRAPPER_VARIABLE: "/opt/bootstrap"}}}, "runtime-client"),
        ({"Handler": "run.sh"}, "runtime-client"),
        ({"Layers": [{"Arn": LAYER}] * 5}, "layers"),
        ({"Layers": [{"Arn": LAYER}] * 4}, None),
    ],
)
def test_what_cannot_be_armed_is_refused_by_reason(more: dict[str, object], reason: str | None) -> None:
    function: Function = function_of({**BASE, **more})
    found = refuse(function)
    assert (found.reason if found else None) == reason
    assert function.arn == "arn:aws:lambda:eu-west-1:123456789012:function:f"


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_an_environment_has_room_for_4096_bytes(more: int, refused: bool) -> None:
    ours = sum(len(name) + len(value) for name, value in armed(PLAIN).variables.items())
    full = replace(PLAIN, variables={**PLAIN.variables, "A": "x" * (4096 - ours - 1 + more)})
    assert (refuse_environment(armed(full)) is not None) == refused


def test_a_timeout_that_a_deployment_has_left_alone_is_known_by_the_row() -> None:
    left, known = Settings(timeout=ARMED_TIMEOUT, layers=(), variables={}), Replaced(timeout=60, wrapper="")
    assert (is_touched(left), is_touched(left, known)) == (False, True)
    assert (restore_settings(left).timeout, restore_settings(left, known).timeout) == (ARMED_TIMEOUT, 60)
