"""No usable answer: what was in the way, and the way out. Pure."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from plldb.errors import Hint, SettingsError, UnreachableError

# A refused connection is a ConnectionError of botocore's, and none of its HTTPClientErrors.
NO_ANSWER = (
    boto.HTTPClientError,
    boto.ConnectionError,
    ResponseParserError,
    aiohttp.ClientError,
    asyncio.TimeoutError,
)
# How people's own settings make botocore's HTTP client fail; no attempt more would help.
_BAD_CERTIFICATES = (FileNotFoundError, IsADirectoryError, PermissionError)
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OUT_OF_TIME = (9, 10)
CHECK_NETWORK = Hint("check-network", "Check the network, the region and AWS_ENDPOINT_URL, then try again.")


def blocking_setting(error: Exception) -> SettingsError | None:
    """Return what is wrong if a setting of the caller keeps botocore from sending anything."""
    cause = error.kwargs.get("error") if isinstance(error, boto.HTTPClientError) else None
    if isinstance(cause, boto.InvalidProxiesConfigError):
        return malformed_proxy()
    if isinstance(cause, _BAD_CERTIFICATES) or getattr(cause, "reason", "") == "NO_CERTIFICATE_OR_CRL_FOUND":
        return unreadable_certificates(str(cause))
    return None


def malformed_proxy() -> SettingsError:
    """Return what it means that a proxy's address cannot be one; it may have a password, and is not told."""
    return SettingsError(
        "HTTP_PROXY or HTTPS_PROXY cannot be the URL of a proxy.",
        hint=Hint("check-proxy", "Proxies look like http://localhost:3128; set or unset the variable."),
    )


def unreadable_certificates(what: str) -> SettingsError:
    """Return what it means that the file of the certificates to trust cannot be read."""
    return SettingsError(
        f"The certificates to trust cannot be read: {what}",
        hint=Hint(
            "check-certificates", "Check the file that AWS_CA_BUNDLE, or ca_bundle in your profile, names."
        ),
    )


def unreachable(error: Exception, *, service: str, operation: str) -> tuple[UnreachableError, bool]:
    """Return what kept a request from being answered, and whether that may go away by itself."""
    what, hint, passing = _obstacle(error)
    message = f"{operation}: no usable answer from {service}: {what}"
    return UnreachableError(message, service=service, operation=operation, hint=hint), passing


def _obstacle(error: Exception) -> tuple[str, Hint, bool]:
    endpoint = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    for cause in _causes(error):
        match cause:
            case aiohttp.ClientConnectorCertificateError():
                return _untrusted(cause.certificate_error, endpoint)
            case ssl.SSLCertVerificationError():
                return _untrusted(cause, endpoint)
            case aiohttp.ClientHttpProxyError():
                return _refusing_proxy(error, cause)
            case aiohttp.ClientProxyConnectionError():
                return f"cannot connect to the proxy {cause.host}:{cause.port}", _check_proxy(), True
            case aiohttp.ClientConnectorDNSError():
                return _not_found(cause, endpoint)
            case aiohttp.ConnectionTimeoutError() if isinstance(error, boto.ProxyConnectionError):
                return f"the proxy {error.kwargs['proxy_url']} says nothing", _check_proxy(), True
    return one_line(error), CHECK_NETWORK, True


def _not_found(cause: aiohttp.ClientConnectorDNSError, endpoint: str) -> tuple[str, Hint, bool]:
    what = f"{cause.host}:{cause.port} is not found ({cause.os_error.strerror})"
    # aiohttp looks up the name of a proxy as if it were the server's.
    if endpoint and cause.host != urlsplit(endpoint).hostname:
        return f"the proxy {what}", _check_proxy(), True
    return what, CHECK_NETWORK, True


def _untrusted(cause: Exception, endpoint: str) -> tuple[str, Hint, bool]:
    what = f"the certificate of {endpoint or 'the server'} is not trusted, certificate verify failed: "
    if getattr(cause, "verify_code", 0) in _OUT_OF_TIME:
        hint = Hint("set-clock", "Check the clock of this machine; the certificate is out of its time.")
    else:
        hint = Hint(
            "check-certificates",
            "If your company's proxy is in between, name the file of its certificates in AWS_CA_BUNDLE, "
            "or ca_bundle in your profile.",
        )
    return what + str(getattr(cause, "verify_message", cause)), hint, False


def _refusing_proxy(error: Exception, cause: aiohttp.ClientHttpProxyError) -> tuple[str, Hint, bool]:
    # botocore leaves user and password out of it.
    proxy = str(getattr(error, "kwargs", {}).get("proxy_url") or "of HTTPS_PROXY")
    what = f"the proxy {proxy} refuses to connect ({cause.status} {cause.message})"
    if cause.status == 407:
        text = "It wants user and password: HTTPS_PROXY looks like http://user:password@host:port then."
        return what, Hint("check-proxy", text), False
    return what, _check_proxy(), cause.status >= 500


def _check_proxy() -> Hint:
    return Hint("check-proxy", "Check HTTPS_PROXY (HTTP_PROXY for an http:// endpoint) and NO_PROXY.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what is behind it, from the outside to the inside."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or each in seen:
            continue
        seen.append(each)
        yield each
        waiting += [getattr(each, "kwargs", {}).get("error"), each.__cause__]


def one_line(error: Exception) -> str:
    """Return an error as one line; it quotes nothing of an answer."""
    if isinstance(error, ResponseParserError):
        return "it sent something that is no answer of AWS"
    return " ".join(str(error).split()) or type(error).__name__


def perhaps_sent(error: BaseException | None) -> bool:
    """Whether a request that got no answer may have arrived all the same: there was a connection."""
    if isinstance(error, (boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)):
        return False
    why = getattr(error, "kwargs", {}).get("error")  # of botocore's EndpointConnectionError
    return not isinstance(why, (aiohttp.ClientConnectorError, socket.gaierror))
