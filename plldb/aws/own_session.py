"""The session that plldb makes where a caller gives none. Talks to the disk.

A caller's own session keeps its settings as they are.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from functools import lru_cache
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

from aiobotocore.session import AioSession
from botocore.configprovider import (
    DEFAULT_S3_CONFIG_VARS,
    BaseProvider,
    ConfigChainFactory,
    SectionConfigProvider,
)
from botocore.loaders import JSONFileLoader, Loader, create_loader

from plldb.aws.credentials import credential_chain
from plldb.aws.environment import without_empty
from plldb.aws.failures.unreachable import unreadable_certificates
from plldb.errors import Hint, SettingsError


def make_session(profile: str | None) -> AioSession:
    """Return a session that finds its settings as the AWS tools do, but takes an empty variable as none."""
    session = AioSession(profile=profile or None)
    environ = without_empty(os.environ)
    _read_settings_from(session, environ)
    session.lazy_register_component("credential_provider", lambda: credential_chain(session, environ))
    session.lazy_register_component("data_loader", lambda: _models(session.get_config_variable("data_path")))
    return session


class _Files(JSONFileLoader):
    """Says of a model that cannot be read which file it is, also where credentials are what needs it."""

    def load_file(self, file_path: str) -> Any:
        """Return what is in a file, None if there is none; its name comes without the extension.

        Raises:
            SettingsError: it is not an object of JSON, or may not be read.
        """
        try:
            found = super().load_file(file_path)
            wrong = "" if isinstance(found, Mapping | None) else "it is no JSON object"
        except (EOFError, BadGzipFile, zlib.error) as error:
            wrong = f"it is not a whole gzip file: {error}"
        except (ValueError, OSError) as error:
            wrong = getattr(error, "strerror", None) or f"it is not JSON: {error}"
        if wrong:
            path = f"{file_path}.json" if Path(f"{file_path}.json").exists() else f"{file_path}.json.gz"
            hint = Hint("fix-settings", "Correct that file, or leave its folder out of AWS_DATA_PATH.")
            raise SettingsError(
                f"The model {path} of AWS's SDK cannot be read: {wrong.rstrip('.')}.", hint=hint
            )
        return found


class _Models(Loader):
    """botocore's models of the services, read without looking into the folder of each of the 400 before.

    botocore does, twice, to know whether a service is one: a thirtieth of a setup with nothing to change.
    """

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore gives it
        """Return the names of all folders; what lies in one is found when it is read."""
        return [name for path in self.search_paths if Path(path).is_dir() for name in os.listdir(path)]


@lru_cache(maxsize=1)
def _models(data_path: str | None) -> Loader:
    """Return what reads botocore's models of the services, and keeps them.

    To read them again is about half of the processor time of a status, and a program that embeds plldb, or
    a run in several regions, has a session for each call or region.
    """
    paths = create_loader(data_path).search_paths
    return _Models(extra_search_paths=paths, include_default_search_paths=False)


def _read_settings_from(session: AioSession, environ: Mapping[str, str]) -> None:
    """Let each setting of the session come from this environment, else as before."""
    chains = ConfigChainFactory(session, environ=dict(environ))
    store = session.get_component("config_store")
    for name, (option, variables, default, convert) in session.session_var_map.items():
        store.set_config_provider(name, chains.create_config_chain(name, variables, option, default, convert))
    of_s3: dict[str, BaseProvider] = {
        name: chains.create_config_chain(name, variables, option, default, convert)
        for name, (option, variables, default, convert) in DEFAULT_S3_CONFIG_VARS.items()
    }
    store.set_config_provider("s3", SectionConfigProvider("s3", session, of_s3))
    # For each client that the session makes, those that fetch credentials among them.
    bundle = chains.create_config_chain(
        "ca_bundle",
        "AWS_CA_BUNDLE",
        "ca_bundle",
        default=environ.get("REQUESTS_CA_BUNDLE") or True,
        conversion_func=lambda path: path or True,
    )
    store.set_config_provider("ca_bundle", bundle)


def certificates(session: AioSession) -> str | bool:
    """Return the file of the certificates to trust, or True for the usual ones.

    False only where a caller has said so of a session of their own.

    Raises:
        SettingsError: there is no such file.
    """
    bundle = session.get_config_variable("ca_bundle")
    if bundle is None or bundle == "":
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or True
    # OpenSSL would not say which file it misses.
    if isinstance(bundle, str) and not Path(bundle).is_file():
        raise unreadable_certificates(f"there is no file {bundle!r}")
    found: str | bool = bundle
    return found
