"""Where the session that plldb makes looks for credentials. Talks to the disk.

botocore's own chain, in its order. The sources that would read `os.environ` by themselves are given an
environment, so that a variable that is set and empty is as good as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from os.path import expanduser, expandvars
from typing import Any

import aiobotocore.credentials
from aiobotocore.session import AioSession
from aiobotocore.utils import create_nested_client
from botocore.utils import JSONFileCache

_boto: Any = aiobotocore.credentials  # its stubs lack most parameters

_WEB_IDENTITY = {
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "role_arn": "AWS_ROLE_ARN",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
}
"""Keys of a profile, and the variables that come before them, as botocore has them."""

_LOGINS = "~/.aws/login/cache"
"""Where `aws login` keeps its tokens, unless AWS_LOGIN_CACHE_DIRECTORY says otherwise."""


def credential_chain(session: AioSession, environ: Mapping[str, str]) -> Any:
    """Return the sources of credentials of a session; they see this environment."""
    chain = _boto.create_credential_resolver(session)
    for source in _sources(session, environ, chain.get_provider("iam-role")):
        chain.insert_after(source.METHOD, source)
        chain.remove(source.METHOD)  # the first of that name: botocore's
    return chain


def finds_new_source(profiles: Mapping[str, Mapping[str, Any]], profile: str) -> bool:
    """Return whether the role of a profile is assumed again after a new login. Pure.

    Not if keys of a file or of variables assume it, which botocore reads only once, nor with an MFA code, for
    which it asks only once.
    """
    seen: set[str] = set()
    while "role_arn" in (settings := profiles.get(profile, {})) and profile not in seen:
        seen.add(profile)
        profile = settings.get("source_profile", "")
        if "mfa_serial" in settings or settings.get("credential_source") == "Environment":
            return False
    return "aws_access_key_id" not in settings


def _sources(session: Any, environ: Mapping[str, str], instance: Any) -> tuple[Any, ...]:
    cache: dict[str, Any] = {}
    logins = JSONFileCache(expanduser(expandvars(environ.get("AWS_LOGIN_CACHE_DIRECTORY", _LOGINS))))
    profile = session.get_config_variable("profile") or "default"
    of_profile = {"load_config": lambda: session.full_config, "profile_name": profile}
    fetching = {"client_creator": partial(create_nested_client, session), "cache": cache}
    container = _boto.AioContainerProvider(environ)
    role = _boto.AioAssumeRoleProvider(
        **of_profile,
        **fetching,
        credential_sourcer=_boto.AioCanonicalNameCredentialSourcer(
            [_boto.AioEnvProvider(), container, instance]
        ),
        profile_provider_builder=_boto.AioProfileProviderBuilder(
            session, cache=cache, login_token_cache=logins
        ),
    )
    login = _boto.AioLoginProvider(**of_profile, client_creator=session.create_client, token_cache=logins)
    files = _boto.AioOriginalEC2Provider(environ), _boto.AioBotoProvider(environ)
    return role, _web_identity(session, profile, environ, fetching), login, *files, container


def _web_identity(session: Any, profile: str, environ: Mapping[str, str], fetching: dict[str, Any]) -> Any:
    """Return the source that has no parameter for an environment: its variables go into the profile."""
    chosen = session.instance_variables().get("profile") is not None  # then variables do not count
    variables = (
        {} if chosen else {key: environ[name] for key, name in _WEB_IDENTITY.items() if name in environ}
    )

    def load_config() -> dict[str, Any]:
        config = session.full_config
        profiles = config.get("profiles", {})
        return {**config, "profiles": {**profiles, profile: {**profiles.get(profile, {}), **variables}}}

    return _boto.AioAssumeRoleWithWebIdentityProvider(
        load_config=load_config, profile_name=profile, disable_env_vars=True, **fetching
    )
