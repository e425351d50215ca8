"""A handler's source becomes a package: the zip that Lambda runs, and its digests. Pure."""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import b64encode
from dataclasses import dataclass

from plldb.bootstrap.artifacts.sources import HandlerSource
from plldb.errors import PackagingError

# AWS Lambda quota "Deployment package (.zip file archive) size": 250 MB unzipped, layers included.
LARGEST_CONTENT = 250 * 1024 * 1024

# The earliest time that a zip can hold. A time of today would make every build another package.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
READABLE_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One handler, zipped. ``md5`` is what S3 shows as its ETag; ``sha256`` is base64, as S3 takes it."""

    function_name: str
    body: bytes
    md5: str
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the zip."""
        return len(self.body)


def build_package(source: HandlerSource) -> Package:
    """Zip one handler: the same bytes for the same source on every machine and every Python.

    Raises:
        PackagingError: the source is larger than Lambda takes.
    """
    if len(source.content) > LARGEST_CONTENT:
        raise PackagingError(
            f"The handler {source.function_name} has {len(source.content)} bytes; "
            f"AWS Lambda takes {LARGEST_CONTENT} at most.",
            hint="Make it smaller.",
        )
    body = _zip(source.file_name, source.content)
    return Package(
        function_name=source.function_name,
        body=body,
        # Identity of content, as S3 computes it; S3 verifies the upload itself by SHA-256.
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
        sha256=b64encode(hashlib.sha256(body).digest()).decode(),
    )


def _zip(name: str, content: bytes) -> bytes:
    # Stored, not deflated: the output of zlib differs between its versions, and handlers are small.
    entry = zipfile.ZipInfo(name, date_time=EPOCH)
    entry.create_system = UNIX
    entry.external_attr = READABLE_FILE
    entry.compress_type = zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content)
    return buffer.getvalue()
