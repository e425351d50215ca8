"""Finds and reads botocore's descriptions of AWS's services, quicker than botocore. Talks to the disk."""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader, Loader, create_loader


class QuickFileLoader(JSONFileLoader):
    """Reads files into plain dicts, which keep their order: a third of the time that botocore's takes."""

    def load_file(self, file_path: str) -> Any:
        """Return what is in the file of that name without its suffix, None if there is none."""
        if os.path.isfile(f"{file_path}.json"):
            with open(f"{file_path}.json", "rb") as file:
                return json.load(file)
        if os.path.isfile(f"{file_path}.json.gz"):
            with gzip.open(f"{file_path}.json.gz") as file:
                return json.load(file)
        return None


class QuickLoader(Loader):
    """botocore's loader, but for one question."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return every folder as a service; what is not there is noticed when it is loaded.

        botocore looks into each of its 400 folders for a file of that type, once for each type: a thousand
        folders to read and five thousand files to look for, to make one client.
        """
        folders = [path for path in self.search_paths if os.path.isdir(path)]
        return sorted({name for folder in folders for name in os.listdir(folder)})


def read_models_quickly(session: AioSession) -> None:
    """Give a session, before its first client is made, these loaders in place of botocore's."""

    def make_loader() -> Loader:
        usual = create_loader(session.get_config_variable("data_path"))
        return QuickLoader(
            extra_search_paths=usual.search_paths,
            file_loader=QuickFileLoader(),
            include_default_search_paths=False,
        )

    # Made when it is needed, as botocore's own: reading the settings may fail.
    session.lazy_register_component("data_loader", make_loader)
