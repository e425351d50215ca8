"""What `destroy` tells: what it will remove, and what is gone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.bootstrap.events.stack import StreamEvent
from plldb.bootstrap.stack.statuses import StackStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlanned:
    """What destroy is about to remove; nothing has been changed yet, so this is the place to stop.

    The last event of a dry run.
    ``stack_status`` is None if there is no stack, ``bucket`` is None if there is no bucket.
    ``versions`` counts object versions in the bucket, ``more`` says that there are more than that.
    ``foreign`` names what lies in the bucket outside ``plldb/``; it keeps the bucket in place.
    """

    kind: Literal["removal_planned"] = "removal_planned"
    stack_name: str
    stack_status: StackStatus | None
    bucket: str | None
    keep_bucket: bool
    versions: int
    more: bool
    foreign: tuple[str, ...]

    @property
    def outcome(self) -> Literal["planned"]:
        """The result of a dry run in a word."""
        return "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEmptied:
    """A page of versions and delete markers was removed; ``versions`` counts all so far."""

    kind: Literal["bucket_emptied"] = "bucket_emptied"
    bucket: str
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDeleted:
    """The artifact bucket is gone."""

    kind: Literal["bucket_deleted"] = "bucket_deleted"
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketKept:
    """The bucket stays, because it was asked for or because something outside ``plldb/`` lies in it."""

    kind: Literal["bucket_kept"] = "bucket_kept"
    bucket: str
    reason: Literal["asked", "foreign"]
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyFinished:
    """Destroy is done. ``changed`` is False if nothing was there; ``bucket_kept`` if the bucket stays."""

    kind: Literal["destroy_finished"] = "destroy_finished"
    changed: bool
    bucket_kept: bool

    @property
    def outcome(self) -> Literal["removed", "unchanged"]:
        """The result in a word."""
        return "removed" if self.changed else "unchanged"


DestroyEvent = StreamEvent | RemovalPlanned | BucketEmptied | BucketDeleted | BucketKept | DestroyFinished
"""What `destroy` may yield."""
