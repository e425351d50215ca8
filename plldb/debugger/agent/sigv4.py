"""Signature version 4 of a request to ``@connections``. Pure."""

from __future__ import annotations

import hashlib
import hmac
from time import gmtime, strftime

SERVICE = "execute-api"


def signed_headers(
    method: str, host: str, path: str, body: bytes, *, creds: list[str], region: str, now: float
) -> list[tuple[str, str]]:
    """Return the headers that sign a request.

    Args:
        method: of HTTP.
        host: as in the Host header.
        path: as sent, that is, quoted once; SigV4 quotes it again, and the ``@`` as well.
        body: of the request.
        creds: key id, secret key, session token.
        region: of the API.
        now: epoch seconds.
    """
    key, secret, session = creds
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    day = stamp[:8]
    headers = [("host", host), ("x-amz-date", stamp), ("x-amz-security-token", session)]
    names = ";".join(name for name, _ in headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers)
    canonical_path = path.replace("%", "%25").replace("@", "%40").replace("=", "%3D")
    canonical = "\n".join([method, canonical_path, "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{SERVICE}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signing_key = ("AWS4" + secret).encode()
    for part in (day, region, SERVICE, "aws4_request"):
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*headers[1:], ("authorization", authorization)]
