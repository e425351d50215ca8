"""Environment variables of the AWS tools that are set and empty: as good as not set. Pure.

A shell, a compose file or a CI template often leaves a name with nothing behind it. botocore takes that as
a value: a profile without a name, a certificate file without a path.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

_OTHERS = frozenset({"BOTO_CONFIG", "BOTOCORE_TCP_KEEPALIVE", "REQUESTS_CA_BUNDLE"})


def without_empty(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without those variables of the AWS tools that hold nothing."""
    return {name: value for name, value in environ.items() if not _is_empty(name, value)}


def drop_empty(environ: MutableMapping[str, str]) -> None:
    """Remove them; for a program that owns its environment, which the programs that it starts get, too."""
    for name in environ.keys() - without_empty(environ).keys():
        del environ[name]


def _is_empty(name: str, value: str) -> bool:
    return not value.strip() and (name.startswith("AWS_") or name in _OTHERS)
