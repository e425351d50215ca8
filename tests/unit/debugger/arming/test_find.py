"""Which functions words mean. Pure."""

from typing import Any

import pytest

from plldb.aws.place import Target
from plldb.debugger.arming.naming.find import Listed, find_wanted
from plldb.debugger.arming.naming.names import Names, check_named, decide, name_of
from plldb.debugger.arming.naming.stacks import StackFunction, read_infrastructure
from plldb.debugger.errors import AmbiguousNameError, NoFunctionsError, NotSetUpError
from plldb.errors import AccessDeniedError, AwsError, SettingsError
from tests.unit.aws.fakes import AT_ONCE, Client, aws

TARGET = Target(
    account="123456789012",
    region="eu-west-1",
    partition="aws",
    caller_arn="arn:aws:iam::123456789012:user/ada",
    endpoint_url=None,
)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
SHOP = [
    StackFunction(logical_id=logical_id, name=name)
    for logical_id, name in (("Orders", "shop-Orders-1"), ("A/Mails", "shop-Mails-1"), ("B/Mails", "x"))
]
BILLING = [StackFunction(logical_id=each, name=f"billing-{each}-1") for each in ("Orders", "Bills")]
STACKS = {"shop": SHOP, "billing": BILLING, "Orders": BILLING[:1], "empty": []}
ALL_OF_SHOP = ["shop-Orders-1", "shop-Mails-1", "x"]
ALL_OF_BILLING = ["billing-Orders-1", "billing-Bills-1"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("shop", ALL_OF_SHOP),
        ("shop A/Mails", ["shop-Mails-1"]),
        ("shop B/Mails", ["x"]),
        ("shop shop-Mails-1 x", ["shop-Mails-1", "x"]),
        ("shop billing", [*ALL_OF_SHOP, *ALL_OF_BILLING]),
        ("shop billing Bills", [*ALL_OF_SHOP, "billing-Bills-1"]),
        ("shop shop/Orders billing billing/Orders", ["shop-Orders-1", "billing-Orders-1"]),
        ("shop/A/Mails billing/Bills", ["shop-Mails-1", "billing-Bills-1"]),
        ("shop shop", ALL_OF_SHOP),
        ("other", ["other"]),
        ("shop other", [*ALL_OF_SHOP, "other"]),
        ("Bills billing", [*ALL_OF_BILLING, "Bills"]),
    ],
)
def test_a_word_is_a_stack_or_a_function_of_the_stacks_before_it_or_of_none(
    words: str, names: list[str]
) -> None:
    wanted, unknown = decide({}, STACKS, words.split())
    assert [*(each.name for each in wanted), *unknown] == names


def test_a_word_that_comes_twice_means_one_function_of_each_stack() -> None:
    wanted, _ = decide({}, {"shop": SHOP, "billing": BILLING}, ["shop", "Orders", "billing", "Orders"])
    assert [each.name for each in wanted] == ["shop-Orders-1", "billing-Orders-1"]


DENIED = AccessDeniedError("You may not.", action="cloudformation:ListStackResources")
NO_STACK = NoFunctionsError("There is no stack.")


@pytest.mark.parametrize(
    ("given", "listed", "error"),
    [
        (Names(words=("shop", "x")), {"shop": tuple(SHOP), "x": DENIED}, None),
        (Names(words=("shop", "x")), {"shop": tuple(SHOP), "x": NO_STACK}, None),
        (Names(stacks=("shop",), words=("x",)), {"shop": NO_STACK, "x": NO_STACK}, NO_STACK),
        (Names(stacks=("shop",)), {"shop": DENIED}, DENIED),
        (Names(words=("shop",)), {"shop": AwsError("It cannot be reached.")}, AwsError),
    ],
)
async def test_whether_a_word_is_a_stack_need_not_be_known_if_it_is_a_function(
    given: Names, listed: Listed, error: Any
) -> None:
    aws: Any = None  # nothing more has to be asked
    if error is None:
        assert [each.name for each in await find_wanted(aws, TARGET, given, listed)] == ["x"]
        return
    with pytest.raises(type(error) if isinstance(error, Exception) else error) as raised:
        await find_wanted(aws, TARGET, given, listed)
    assert raised.value in listed.values()


async def test_a_setup_that_is_not_over_is_told_by_its_status() -> None:
    stack = {"Stacks": [{"StackStatus": "CREATE_IN_PROGRESS"}]}
    client = Client("cloudformation", {"describe_stacks": [stack]})
    with pytest.raises(NotSetUpError, match="CREATE_IN_PROGRESS"):
        await read_infrastructure(aws(AT_ONCE, client))


def test_what_is_known_to_be_a_stack_is_no_function() -> None:
    wanted, unknown = decide({"shop": SHOP, "Orders": BILLING[:1]}, {}, ["A/Mails"])
    assert [(each.name, each.stack) for each in wanted] == [
        ("shop-Mails-1", "shop"),
        ("billing-Orders-1", "Orders"),
    ]
    assert not unknown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("shop Mails", "Mails may mean shop/A/Mails and shop/B/Mails."),
        ("shop Orders", "Orders may mean the function shop/Orders, or the stack Orders."),
        ("billing shop Bills Mails", "Mails may mean shop/A/Mails and shop/B/Mails."),
        ("empty", "The stack empty has no functions."),
    ],
)
def test_a_word_that_means_several_things_is_an_error_that_names_them(words: str, message: str) -> None:
    with pytest.raises(NoFunctionsError) as raised:
        decide({}, STACKS, words.split())
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("orders", "orders"),
        (ARN, "orders"),
        (f"{ARN}:$LATEST", "orders"),
        (f"{ARN}:live", "a version or an alias"),
        (ARN.replace("eu-west-1", "us-east-1"), "not in account"),
        ("arn:aws:s3:::bucket", "not the ARN of a function"),
    ],
)
def test_an_arn_is_of_this_place_and_of_no_version(word: str, result: str) -> None:
    if " " not in result:
        assert name_of(word, TARGET) == result
        return
    with pytest.raises(SettingsError, match=result):
        name_of(word, TARGET)


def test_a_folder_is_of_one_function_or_of_a_stack() -> None:
    wanted = decide({}, STACKS, ["shop", "billing"])[0]
    check_named(wanted, ["A/Mails", "x", "shop", "billing/Orders", "Bills"])
    with pytest.raises(NoFunctionsError, match=r"for 'Ordres', but the functions are: Orders, A/Mails,"):
        check_named(wanted, ["Ordres"])
    with pytest.raises(AmbiguousNameError, match=r"Orders may mean shop/Orders and billing/Orders\."):
        check_named(wanted, ["Orders"])
    with pytest.raises(AmbiguousNameError, match=r"Orders may mean the function Orders/Orders, or the stack"):
        check_named(decide({}, STACKS, ["Orders"])[0], ["Orders"])
