"""The settings of the receiver, and that a secret or a password is shown by none."""

from datetime import timedelta
from pathlib import Path

import pytest

from fcb_host.errors import InvalidSettings, StorageUnavailable
from fcb_host.receiver import opening
from fcb_host.receiver.settings import WebhookSettings, webhooks_from_environment
from fcb_host.receiver.storage_postgres import PostgresStorage
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_pipelines_tests.receiver.said import NOW, OTHER, SECRET, Told

WHOLE = {
    "FCB_HOST_WEBHOOK_ENABLED": "on",
    "FCB_HOST_WEBHOOK_SECRETS": f"{SECRET.revealed()} , {OTHER.revealed()}\n",
    "FCB_HOST_WEBHOOK_DATABASE": "postgresql://host:password@db.example.com/host",
}
HOST = Told()


def test_the_environment_makes_settings_that_show_no_secret() -> None:
    made = webhooks_from_environment(
        WHOLE | {"FCB_HOST_WEBHOOK_MOST_SUSPENSIONS": "0", "FCB_HOST_WEBHOOK_MOST_DEPROVISIONS": "7"}
    )
    assert (made.secrets, made.tolerance_seconds, made.terms.grace) == ((SECRET, OTHER), 300, timedelta(days=14))
    assert (made.terms.most_suspensions, made.terms.most_deprovisions) == (0, 7)
    for shown in (SECRET.revealed(), OTHER.revealed(), "password"):
        assert shown not in repr(made)


def test_off_is_the_default_and_looks_at_nothing_else() -> None:
    assert webhooks_from_environment({}) == WebhookSettings()
    assert (
        webhooks_from_environment(WHOLE | {"FCB_HOST_WEBHOOK_ENABLED": "off", "FCB_HOST_WEBHOOK_SECRETS": "x"})
        == WebhookSettings()
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"FCB_HOST_WEBHOOK_ENABLED": "perhaps"}, "is on or off"),
        ({"FCB_HOST_WEBHOOK_SECRETS": ""}, "FCB_HOST_WEBHOOK_SECRETS is missing"),
        ({"FCB_HOST_WEBHOOK_SECRETS": " , "}, "FCB_HOST_WEBHOOK_SECRETS is missing"),
        ({"FCB_HOST_WEBHOOK_SECRETS": f"{SECRET.revealed()},whsec_short"}, "FCB_HOST_WEBHOOK_SECRETS: "),
        ({"FCB_HOST_WEBHOOK_SECRETS": ",".join([SECRET.revealed()] * 17)}, "FCB_HOST_WEBHOOK_SECRETS"),
        ({"FCB_HOST_WEBHOOK_DATABASE": ""}, "set one of"),
        ({"FCB_HOST_WEBHOOK_FILE": "/var/lib/host/receiver.sqlite"}, "set one of"),
        ({"FCB_HOST_WEBHOOK_TOLERANCE_SECONDS": "301"}, "1 to 300"),
        ({"FCB_HOST_WEBHOOK_TOLERANCE_SECONDS": "0"}, "1 to 300"),
        ({"FCB_HOST_WEBHOOK_GRACE_DAYS": "0"}, "FCB_HOST_WEBHOOK_GRACE_DAYS"),
        ({"FCB_HOST_WEBHOOK_GRACE_DAYS": "9" * 12}, "FCB_HOST_WEBHOOK_GRACE_DAYS"),
        ({"FCB_HOST_WEBHOOK_MOST_SUSPENSIONS": "many"}, "FCB_HOST_WEBHOOK_MOST_SUSPENSIONS is a whole number"),
    ],
)
def test_what_cannot_work_is_said_at_once_and_by_name(changed: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidSettings, match=says) as refused:
        webhooks_from_environment(WHOLE | changed)
    assert SECRET.revealed() not in str(refused.value)


def test_off_opens_nothing_and_answers_404() -> None:
    settings = WebhookSettings()
    storage = opening.storage(settings)
    assert opening.receiver(settings, storage).take({}, b"", NOW).status == 404
    with pytest.raises(StorageUnavailable, match="the receiver is off"), storage.transaction():
        pass


def test_what_is_set_is_opened(tmp_path: Path) -> None:
    of_postgres = webhooks_from_environment(WHOLE)
    assert isinstance(opening.storage(of_postgres), PostgresStorage)
    of_file = WHOLE | {"FCB_HOST_WEBHOOK_DATABASE": "", "FCB_HOST_WEBHOOK_FILE": str(tmp_path / "r.sqlite")}
    settings = webhooks_from_environment(of_file | {"FCB_HOST_WEBHOOK_TOLERANCE_SECONDS": "60"})
    storage = opening.storage(settings)
    assert isinstance(storage, SqliteStorage)
    receiver = opening.receiver(settings, storage)
    assert (receiver.is_enabled, receiver.secrets, receiver.tolerance_seconds) == (True, (SECRET, OTHER), 60)
    assert receiver.service == ""


def test_the_service_that_is_set_is_the_one_of_the_receiver_and_of_its_worker() -> None:
    named = {"FCB_HOST_WEBHOOK_SERVICE": " nexacloud\n", "FCB_HOST_WEBHOOK_ACTIONS": f"{__name__}:HOST"}
    settings = webhooks_from_environment(WHOLE | named)
    storage = opening.storage(settings)
    assert opening.receiver(settings, storage).service == opening.worker(settings, storage).service == "nexacloud"


@pytest.mark.parametrize("named", ["", "module", ":name", "no.such.module:name", f"{__name__}:NOT_THERE"])
def test_actions_that_are_not_there_are_said(named: str, tmp_path: Path) -> None:
    settings = WebhookSettings(is_enabled=True, secrets=(SECRET,), file=tmp_path / "r.sqlite", actions=named)
    with pytest.raises(InvalidSettings, match="FCB_HOST_WEBHOOK_ACTIONS"):
        opening.worker(settings, opening.storage(settings))


def test_actions_are_an_object_or_a_class(tmp_path: Path) -> None:
    for name in ("HOST", "Told"):
        settings = WebhookSettings(is_enabled=True, secrets=(SECRET,), file=tmp_path / "r.sqlite", actions=f"{__name__}:{name}")
        worker = opening.worker(settings, opening.storage(settings))
        assert isinstance(worker.actions, Told)
        assert worker.terms == settings.terms
