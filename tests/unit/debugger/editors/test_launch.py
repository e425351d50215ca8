"""The entry for VS Code: whatever else is in launch.json stays as it is, byte for byte."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import pytest

from plldb.debugger.editors.files import find_file, write_entry
from plldb.debugger.editors.jsonc import Node, parse
from plldb.debugger.editors.launch import add_entry, entry

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = """{
    // Use IntelliSense to learn about possible attributes.
    /* "configurations": [] */
    "version": "0.2.0",
    "configurations": [ // mine
        {
            "name": "Python: \\"here\\", // no comment",
            "type": "debugpy", "program": "${file}", // and a comma
        },
    ],
    "compounds": [],
}
"""
TABS = '{\n\t"configurations": [\n\t\t{"name": "a\t"}\n\t]\n}'


def plain(node: Node | None) -> Any:
    """What a text says, without places."""
    if node is None:
        return None
    if isinstance(node.value, tuple):
        return [plain(each) for each in node.value]
    return {k: plain(v) for k, v in node.value.items()} if isinstance(node.value, Mapping) else node.value


@pytest.mark.parametrize(
    "text",
    [
        *(OTHERS, OTHERS.replace("\n", "\r\n"), TABS, '{"configurations": [{"name": "a"}]}'),
        *("{}", "{\n}", '{"version": "0.2.0"}', '{"configurations": []}', '{\n  "configurations": [\n  ]\n}'),
        '{\n  "configurations": [\n    // add here\n  ]\n}\n',
        '{ // first\n  "version": "0.2.0", // second\n  "inputs": []\n}\n',
    ],
)
def test_an_entry_is_inserted_and_nothing_else_is_touched(text: str) -> None:
    changed, change = add_entry(text, 5678)
    assert change == "added"
    edits = SequenceMatcher(None, text, changed, autojunk=False).get_opcodes()
    assert {each[0] for each in edits} <= {"equal", "insert"}
    before, after = plain(parse(text)), plain(parse(changed))
    assert after["configurations"] == [entry(5678), *before.get("configurations", ())]
    assert {**before, "configurations": None} == {**after, "configurations": None}
    assert not re.search(r"(?<!\r)\n", changed) or "\r" not in changed
    assert add_entry(changed, 5678) == (changed, "unchanged")
    other, change = add_entry(changed, 9)
    assert (other, change) == (changed.replace('"port": 5678', '"port": 9'), "updated")


def test_it_looks_as_if_a_person_had_written_it() -> None:
    assert add_entry(TABS, 1)[0].splitlines()[1:5] == [
        '\t"configurations": [',
        "\t\t{",
        '\t\t\t"name": "plldb",',
        '\t\t\t"type": "debugpy",',
    ]
    assert add_entry(OTHERS, 1)[0].splitlines()[4:7] == [
        '    "configurations": [ // mine',
        "        {",
        '            "name": "plldb",',
    ]


def test_an_entry_of_that_name_which_attaches_otherwise_is_left() -> None:
    text = '{"configurations": [{"name": "plldb", "module": "plldb", "request": "launch"}]}'
    assert add_entry(text, 5678) == (text, "unchanged")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{\n  "a": 1\n  "b": 2}', "line 3, column 3: a comma or } is missing."),
        (b"{'a': 1}", "line 1, column 2: a name in quotes is missing."),
        (b'{"a" 1}', "line 1, column 6: a colon is missing."),
        (b'{"a": }', "line 1, column 7: a value is missing."),
        (rb'{"\q": 1}', "line 1, column 2: a name in quotes is not JSON."),
        (rb'{"a": "\q"}', "line 1, column 7: a value is not JSON."),
        (b'{"a": 1} x', "line 1, column 10: there is something after the end."),
        (b'{"a": 1', "line 1, column 8: a comma or } is missing."),
        (b"[" * 1000, "line 1, column 102: it is nested too deeply."),
        (b"[]", "it is no object."),
        (b'{"configurations": {}}', '"configurations" is no list.'),
        (b"\xff", "it is not written in UTF-8."),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_and_left(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "launch.json"
    file.write_bytes(content)
    told = write_entry(file, 5678)
    assert (told.change, told.message, told.file) == ("refused", why, str(file))
    assert file.read_bytes() == content
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_is_made_and_a_link_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    file = tmp_path / ".vscode/launch.json"
    assert write_entry(file, 5678).change == "created"
    assert json.loads(file.read_text()) == {"version": "0.2.0", "configurations": [entry(5678)]}
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_bytes("\ufeff// é".encode())
    real.chmod(0o600)
    link.symlink_to(real)
    assert write_entry(link, 5678).change == "created"  # it had a comment only
    assert real.read_bytes().startswith("\ufeff// é\n{".encode())
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    for wrong in (tmp_path, real / "launch.json"):
        told = write_entry(wrong, 1)
        assert (told.change, told.message[-1]) == ("refused", ".")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_file_that_is_read_only_is_left(tmp_path: Path) -> None:
    file = tmp_path / "launch.json"
    file.write_text("{}")
    file.chmod(0o400)
    assert write_entry(file, 1).message == "Permission denied."


def test_the_file_is_that_of_the_folder_which_vs_code_has_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "repository/services/orders"
    inner.mkdir(parents=True)
    (tmp_path / ".vscode").mkdir()  # outside of the repository
    (tmp_path / "repository/.git").mkdir()
    assert find_file(inner) == inner / ".vscode/launch.json"
    (tmp_path / "repository/.vscode").mkdir()
    assert find_file(inner) == tmp_path / "repository/.vscode/launch.json"
    monkeypatch.setenv("HOME", str(tmp_path / "repository"))  # there are the settings of VS Code itself
    assert find_file(inner) == inner / ".vscode/launch.json"
