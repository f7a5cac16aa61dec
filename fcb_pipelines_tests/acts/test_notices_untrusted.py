"""A file of authorities that cannot be read keeps no mail from an operator: it is for what is posted alone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fcb_pipelines.acts.senders import Senders, Work, keep_sending, send_due, tell_now
from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import WebhookSettings, new_key
from fcb_pipelines_tests.acts.test_notices import again, box, clock, db, mailed_to, raised, waiting
from fcb_pipelines_tests.webhooks.listening import Receivers
from fcb_pipelines_tests.webhooks.mail_server import Mailbox, write_certificate

__all__ = ["box", "db"]


def senders(db: Database, file: Path, **settings: Any) -> Senders:
    values = WebhookSettings(is_on=True, keys=SecretStr(new_key()), allows_http_local=True, ca_file=file, **settings)
    return Senders(settings=values, db=db, service=None, clock=clock)


def until(is_so: Callable[[], bool], seconds: float = 10) -> Callable[[], bool]:
    """Ends once something is so, or it took too long."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    return lambda: is_so() or datetime.now(UTC) > end


def test_a_mail_goes_out_and_the_post_alone_is_a_problem(
    db: Database, box: Mailbox, receivers: Receivers, tmp_path: Path
) -> None:
    raised(db, "one")
    given = senders(db, tmp_path / "none.pem", **mailed_to(box), operator_url=SecretStr(f"{receivers.url}/chat/T0KEN"))
    done = asyncio.run(tell_now(given))
    assert (done.told, done.untold) == (0, 1)
    (problem,) = done.problems
    assert problem.startswith(
        f"what is at FCB_OPERATOR_WEBHOOK_URL did not take it: tls: FCB_WEBHOOK_CA_FILE: {tmp_path / 'none.pem'} cannot be read"
    )
    assert waiting(db) == [("one", 1, ["mail"], problem)]
    assert ([one["Subject"] for one in box.mails], receivers.heard) == (["fcb shop: one"], [])
    again(db)
    write_certificate(tmp_path / "none.pem")
    assert asyncio.run(tell_now(given)).told == 1
    assert (len(box.mails), len(receivers.heard)) == (1, 1)


def test_what_waits_is_told_before_a_sender_refuses_to_begin(db: Database, box: Mailbox, tmp_path: Path) -> None:
    given = senders(db, tmp_path / "none.pem", **mailed_to(box))
    for begins in (lambda: send_due(given), lambda: keep_sending(given, Work(), is_ending=lambda: False)):
        raised(db, "one")
        with pytest.raises(InvalidSettings, match="FCB_WEBHOOK_CA_FILE"):
            asyncio.run(begins())
    assert len(box.mails) == 2


def test_a_file_that_vanishes_later_stops_no_notice(db: Database, box: Mailbox, receivers: Receivers, tmp_path: Path) -> None:
    file = write_certificate(tmp_path / "own.pem")
    given = senders(db, file, **mailed_to(box), operator_url=SecretStr(f"{receivers.url}/chat"))
    work = Work()

    async def both() -> None:
        going = asyncio.create_task(
            keep_sending(given, work, is_ending=until(lambda: (work.told, len(receivers.heard)) == (1, 1)))
        )
        await asyncio.sleep(0)  # It began, and has read the file.
        file.unlink()
        raised(db, "later")
        await going

    asyncio.run(both())
    assert (work.told, work.problem, len(box.mails)) == (1, None, 1)
