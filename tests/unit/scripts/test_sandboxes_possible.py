"""Where no sandbox can run, the reason is said, and nothing breaks off."""

import sys
from pathlib import Path

import pytest

from tests.support.cloud import find_obstacle


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is nothing to try")
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (None, "sandboxes need the program unshare of util-linux (No such file or directory)"),
        (
            "#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n",
            "sandboxes need Linux namespaces, as root or as a user who may make them "
            "(unshare failed: Operation not permitted)",
        ),
        ("#!/bin/sh\n", None),
    ],
)
def test_why_no_sandbox_can_run_here(
    program: str | None, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program:
        (tmp_path / "unshare").write_text(program)
        (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_obstacle() == said
