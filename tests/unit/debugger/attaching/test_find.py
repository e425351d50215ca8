"""Which functions of a stack words mean. Pure."""

import pytest

from plldb.aws.place import Target
from plldb.debugger.arming.stacks import StackFunction
from plldb.debugger.attaching.find import Wanted, check_named, match, name_of
from plldb.debugger.errors import NoFunctionsError
from plldb.errors import SettingsError

TARGET = Target(
    account="123456789012",
    region="eu-west-1",
    partition="aws",
    caller_arn="arn:aws:iam::123456789012:user/ada",
    endpoint_url=None,
)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
THERE = [
    StackFunction(logical_id=logical_id, name=name)
    for logical_id, name in (("Orders", "shop-Orders-1"), ("A/Mails", "shop-Mails-1"), ("B/Mails", "x"))
]


@pytest.mark.parametrize(
    ("word", "name"), [("Orders", "shop-Orders-1"), ("x", "x"), ("B/Mails", "x"), ("shop-Mails-1",) * 2]
)
def test_a_function_goes_by_its_name_and_its_logical_id(word: str, name: str) -> None:
    assert match("shop", THERE, word).name == name


@pytest.mark.parametrize(
    ("word", "message"),
    [("Mails", "several functions of stack shop: A/Mails, B/Mails"), ("No", "no function No of stack shop")],
)
def test_a_word_that_means_none_or_several_is_an_error(word: str, message: str) -> None:
    with pytest.raises(NoFunctionsError, match=message):
        match("shop", THERE, word)


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


def test_a_folder_that_is_named_for_none_of_the_functions_is_refused() -> None:
    wanted = [Wanted(name=each.name, logical_id=each.logical_id, named=False) for each in THERE]
    check_named(wanted, ["Orders", "Mails", "A/Mails", "x"])
    with pytest.raises(
        NoFunctionsError, match=r"named for 'Ordres', but the functions are: Orders, A/Mails,"
    ):
        check_named(wanted, ["Ordres"])
