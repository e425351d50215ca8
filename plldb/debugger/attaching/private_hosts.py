"""Which variables of a function name hosts that only its VPC reaches. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_NAME = re.compile(
    r"\.(?:rds|cache|docdb|neptune|memorydb|redshift|kafka)\.(?:[a-z0-9-]+\.)?amazonaws\.com"
    r"|\bvpc-[a-z0-9.-]+\.es\.amazonaws\.com"
    r"|\binternal-[a-z0-9.-]+\.elb\.amazonaws\.com"
    r"|[a-z0-9]\.(?:internal|local)(?![a-z0-9.-])",
    re.IGNORECASE,
)
"""Hosts that AWS makes inside a VPC (each service's own guide), and what people call theirs (RFC 6762)."""


def name_private_hosts(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables in whose values there is a private host, in order.

    The values themselves, which may be secrets, are not returned.
    """
    return tuple(sorted(name for name, value in variables.items() if _has_private_host(value)))


def _has_private_host(value: str) -> bool:
    return bool(_NAME.search(value)) or any(map(_is_private, _ADDRESS.findall(value)))


def _is_private(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return address.is_private and not address.is_loopback and not address.is_link_local
