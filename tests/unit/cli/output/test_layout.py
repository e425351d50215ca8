"""Items are laid out in columns that fit. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plldb.bootstrap.events.stack import StartedBy
from plldb.bootstrap.template import read_resources
from plldb.cli.output import layout
from plldb.cli.output.layout import NARROWEST, Item, Line, Row, as_text, lay_out
from plldb.cli.output.text import ASCII, UNICODE, cell_width
from tests.support.template import TEMPLATE
from tests.unit.cli.scripts import LONG_REASON, RESOURCES, T0, a_run, stack_event


def row(reason: str = "", logical_id: str = "PLDDBSessions", *, started_by: StartedBy = "this_run") -> Row:
    event = stack_event(logical_id, "CREATE_FAILED", reason=reason, seconds=1.2, started_by=started_by)
    (item,) = a_run().words(event, T0)
    assert isinstance(item, Row)
    return item


def lines(item: Item, width: int | None, label: str = "") -> list[str]:
    return [as_text(spans) for spans in lay_out(item, width=width, glyphs=UNICODE, label=label)]


@pytest.mark.parametrize("width", [60, 80, 119, 120, 149, 150, 200])
def test_rollback_reason_is_wrapped_and_not_cut(width: int) -> None:
    laid_out = lines(row(LONG_REASON), width)
    assert max(cell_width(line) for line in laid_out) <= width
    squeezed = "".join("".join(laid_out).split())
    for word in LONG_REASON.split():
        assert word in squeezed


@pytest.mark.parametrize(("logical_id", "resource_type"), RESOURCES)
def test_names_of_this_stack_fit_on_one_line_at_80_columns(logical_id: str, resource_type: str) -> None:
    event = stack_event(logical_id, "CREATE_IN_PROGRESS", resource_type=resource_type)
    (item,) = a_run().words(event, T0)
    (line,) = lines(item, 80)
    assert logical_id in line
    assert "CREATE_IN_PROGRESS" in line


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE"])
def test_every_resource_of_the_template_fits_on_one_line_at_80_columns_and_at_60(status: str) -> None:
    for resource in read_resources(TEMPLATE.read_text("utf-8")):
        event = stack_event(resource.logical_id, status, seconds=61)
        (item,) = a_run().words(event, T0)
        assert len(lines(item, 80)) == 1, resource.logical_id
        assert len(lines(item, 60)) == 1, resource.logical_id


def test_an_arn_that_fits_on_a_line_is_not_broken() -> None:
    arn = "arn:aws:iam::123456789012:role/plldb-PLLDBDebuggerRole-FBC20AC9A1DA3"
    first, second = lines(Line(text=f"DebuggerRoleArn: {arn}"), 76)
    assert (first.strip(), second) == ("DebuggerRoleArn:", " " * (76 - len(arn)) + arn)
    labelled = lines(Line(text=f"DebuggerRoleArn: {arn}"), 80, "eu-west-1")
    assert max(map(len, labelled)) == 80
    assert labelled[1] == f"eu-west-1 {' ' * (70 - len(arn))}{arn}"


def test_columns_start_at_the_same_place_in_every_row() -> None:
    names = ("A", "WsApiDisconnectHandlerPermission")
    short, long = (lines(row(logical_id=name), 200)[0] for name in names)
    assert short.index("AWS::DynamoDB") == long.index("AWS::DynamoDB")
    assert short.index("CREATE_FAILED") == long.index("CREATE_FAILED")


def test_a_plain_row_is_one_line_with_everything() -> None:
    (line,) = lines(row(LONG_REASON), None)
    assert line.endswith(LONG_REASON)


def test_somebody_elses_event_is_marked() -> None:
    for width in (None, 80, 200):
        assert any("[not ours]" in line for line in lines(row(started_by="others"), width))


def test_lines_end_without_blanks_so_that_narrowing_makes_no_empty_lines() -> None:
    for width in (80, 200):
        assert all(line == line.rstrip() for line in lines(row(LONG_REASON), width))


def test_a_label_stands_before_every_line() -> None:
    laid_out = lines(row(LONG_REASON), 80, "eu-west-1")
    assert all(line.startswith("eu-west-1 ") for line in laid_out)
    assert max(map(cell_width, laid_out)) <= 80


@given(
    st.text(),
    st.text(),
    st.one_of(st.none(), st.integers(min_value=NARROWEST, max_value=250)),
    st.sampled_from([ASCII, UNICODE]),
)
def test_text_from_aws_can_forge_neither_escapes_nor_lines(
    name: str, reason: str, width: int | None, glyphs: object
) -> None:
    items: list[Item] = [row(reason, name), Line(mark="fail", name=name, text=reason)]
    for item in items:
        for spans in lay_out(item, width=width, glyphs=UNICODE if glyphs is UNICODE else ASCII):
            assert all(char.isprintable() for char in as_text(spans))
            if width and item is items[0]:
                assert cell_width(as_text(spans)) <= width


def test_no_type_or_name_of_the_stack_is_broken_at_80_columns() -> None:
    resources = read_resources(TEMPLATE.read_text("utf-8"))
    assert max(len(each.resource_type.rpartition("::")[2]) for each in resources) <= layout.TYPE_WIDTH
    assert max(len(each.logical_id) for each in resources) <= 23


def test_output_of_others_leaves_no_part_of_what_controls_a_terminal() -> None:
    link = "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"
    text = f"\x1b[1;31mred\x1b[0m \x1b]0;title\x07and {link} \x1b(B\x1b[2Kend \x1b"
    (line,) = lay_out(Line(name="#1", text=text, verbatim=True), width=None, glyphs=UNICODE)
    assert as_text(line) == "  #1         red and link end"


def test_lines_of_several_at_once_are_told_apart_by_colours_of_their_numbers() -> None:
    tones = [lay_out(Line(name=f"#{n}", text="x"), width=80, glyphs=UNICODE)[0][1].tone for n in (1, 2, 7)]
    assert tones == ["hue2", "hue3", "hue2"]
    assert lay_out(Line(name="#x", text="x"), width=80, glyphs=UNICODE)[0][1].tone == "dim"
