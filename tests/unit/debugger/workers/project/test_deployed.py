import io
import zipfile

import pytest

from plldb.debugger.workers.project.deployed import handler_file


def package(*names: str, pack: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", pack) as files:
        for name in names:
            files.writestr(name, name)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "handler", "found"),
    [
        (package("app.py", "src/app.py"), "app.handler", b"app.py"),
        (package("app.py", "src/app.py"), "src/app.handler", b"src/app.py"),
        (package("pkg/__init__.py"), "pkg.handler", b"pkg/__init__.py"),
        (package("other.py"), "app.handler", None),
        (package("run.py"), "run.sh", None),
        (package("app.py")[:-9], "app.handler", None),
        (
            package("app.py", pack=zipfile.ZIP_DEFLATED).replace(b"app.pyK", b"app.py\xff"),
            "app.handler",
            None,
        ),
        (b"", "app.handler", None),
    ],
)
def test_the_file_of_a_handler_out_of_a_package(content: bytes, handler: str, found: bytes | None) -> None:
    assert handler_file(content, handler) == found
