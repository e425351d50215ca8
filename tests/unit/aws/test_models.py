"""botocore's descriptions of services are found as botocore finds them, and where a user has put others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import DataNotFoundError

from plldb.aws.models import read_models_quickly


def quick_session() -> AioSession:
    session = AioSession()
    read_models_quickly(session)
    return session


@pytest.mark.parametrize("service", ["sts", "s3", "cloudformation", "iam", "dynamodb", "logs"])
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1"])
def test_the_same_models_are_found(service: str, kind: str) -> None:
    quick, usual = [
        session.get_component("data_loader").load_service_model(service, kind)
        for session in (quick_session(), AioSession())
    ]
    assert json.dumps(quick) == json.dumps(usual)  # the order counts, too


def test_a_model_of_ones_own_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {}}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    loader = quick_session().get_component("data_loader")
    assert loader.load_service_model("mine", "service-2") == {"metadata": {}}


def test_a_service_that_nobody_describes_is_not_found() -> None:
    with pytest.raises(DataNotFoundError):
        quick_session().get_component("data_loader").load_service_model("nonsense", "service-2")
