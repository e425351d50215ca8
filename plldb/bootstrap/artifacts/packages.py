"""Files become a package: the zip that Lambda takes, and its digests. Pure."""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from plldb.bootstrap.artifacts.sources import FileContent
from plldb.bootstrap.errors import PackagingError
from plldb.errors import Hint

# AWS Lambda quota "Deployment package (.zip file archive) size": 250 MB unzipped, layers included.
LARGEST_CONTENT = 250 * 1024 * 1024

# The earliest time that a zip can hold. A time of today would make every build another package.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
# Not the modes on the disk: they depend on the umask, and an installation from a wheel loses them.
READABLE_FILE = 0o100644 << 16
EXECUTABLE_FILE = 0o100755 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The zip of one function or layer.

    ``md5`` is what S3 shows as its ETag; ``sha256`` is base64, as S3 takes it.
    """

    name: str
    body: bytes
    md5: str
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the zip."""
        return len(self.body)


def build_package(name: str, files: Sequence[FileContent]) -> Package:
    """Zip the files: the same bytes for the same files on every machine and every Python.

    Raises:
        PackagingError: they are larger than Lambda takes.
    """
    size = sum(len(file.content) for file in files)
    if size > LARGEST_CONTENT:
        raise PackagingError(
            f"The package {name} has {size} bytes; AWS Lambda allows {LARGEST_CONTENT} at most.",
            hint=Hint("fix-cause", "Make it smaller."),
        )
    body = _zip(files)
    return Package(
        name=name,
        body=body,
        # Identity of content, as S3 computes it; S3 verifies the upload itself by SHA-256.
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
        sha256=b64encode(hashlib.sha256(body).digest()).decode(),
    )


def _zip(files: Sequence[FileContent]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(files, key=lambda each: each.path):
            # Stored, not deflated: the output of zlib differs between its versions, and the files are small.
            entry = zipfile.ZipInfo(file.path, date_time=EPOCH)
            entry.create_system = UNIX
            entry.external_attr = EXECUTABLE_FILE if file.executable else READABLE_FILE
            entry.compress_type = zipfile.ZIP_STORED
            archive.writestr(entry, file.content)
    return buffer.getvalue()
