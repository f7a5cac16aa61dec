"""`fcb keys`: makes, lists, rotates and revokes the API keys of services.

A key is printed once, alone on standard output, so that it can be piped to where it is kept; all else goes to standard error.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts import access as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, operator, say, service_option
from fcb_pipelines.domain.access import ApiKey, Scope, refusal
from fcb_pipelines.domain.errors import InvalidInput

WIDTH = 150
"""Columns that its table needs."""
_DURATION = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke the API keys of services.

    Of a key only a hash is kept: what is lost is made anew. What is done here is in the audit log, with your login name.
    """


@keys.command()
@click.option("--name", required=True, help="Who will use it, such as usage-client.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([each.value for each in Scope]), help="What it may do; repeatable."
)
@click.option("--expires", multiple=True, metavar="WHEN", help="90d, 12h, a date or a time with zone; never, if not given.")
@service_option
def create(name: str, scopes: tuple[str, ...], expires: tuple[str, ...], service_code: str | None) -> None:
    """Make a key and print it, once.

    Without --scope it may do nothing. The scopes are usage:write, usage:read, usage:backfill, subscriptions:terminate,
    reconciliation:read, metrics:read and webhooks:read.
    """
    if len(expires) > 1:
        raise InvalidInput("--expires is given twice: a key has one end")
    with connected() as reached:
        service = reached.settings.service(service_code)
        key, plain = acts.create_key(
            reached.database(),
            service=service.code,
            name=name,
            scopes=frozenset(map(Scope, scopes)),
            expires_at=moment(expires[0], reached.now) if expires else None,
            actor=operator(),
            now=reached.now,
        )
    say(f"{key.key_id} of {key.service}, {key.name}: {_scopes(key)}; {_end(key)}. The key is shown this once:")
    click.echo(plain.text)


@keys.command("list")
@service_option
@json_option
def list_(service_code: str | None, *, as_json: bool) -> None:
    """Show every key there ever was; none is shown in the clear."""
    with connected() as reached:
        found = acts.keys(reached.database(), service_code)
        if service_code is not None and not found:
            reached.settings.service(service_code)
        now = reached.now
    if as_json:
        answer({"keys": [_as_json(key, now) for key in found]})
    elif found:
        console_of(WIDTH).print(_table(found, now))
    else:
        say("there is no key yet: fcb keys create")


@keys.command()
@click.argument("key_id")
@click.option("--overlap", default="24h", show_default=True, metavar="DURATION", help="How long the old key stays good.")
def rotate(key_id: str, overlap: str) -> None:
    """Make a key with the same scopes, print it once, and let the old one expire."""
    with connected() as reached:
        done = acts.rotate_key(reached.database(), key_id, overlap=duration(overlap), actor=operator(), now=reached.now)
    say(f"{done.new.key_id} takes the place of {key_id}: {_scopes(done.new)}; {_end(done.new)}.")
    say(f"{key_id} now {_end(done.old)}. The new key is shown this once:")
    click.echo(done.plain.text)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Refuse a key for good; servers that run do so within 5 seconds."""
    with connected() as reached:
        key = acts.revoke_key(reached.database(), key_id, actor=operator(), now=reached.now)
    say(f"{key.key_id} of {key.service}, {key.name}, is revoked: refused everywhere within 5 seconds")


def duration(text: str) -> timedelta:
    """A length of time such as `90d`; raises `InvalidInput`."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{text!r} is not a duration: write a number and m, h, d or w, such as 24h or 90d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, now: datetime) -> datetime:
    """When something ends: after a duration, at the start (UTC) of a date, or at a time with zone; raises `InvalidInput`."""
    if _DURATION.fullmatch(text.strip()):
        return now + duration(text)
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.min, UTC)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{text!r} is no time to expire at: write 90d, 12h, 2027-03-31 or 2027-03-31T12:00:00Z") from None
    if at.tzinfo is None:
        raise InvalidInput(f"{text!r} needs a zone, such as {text}Z")
    return at


def _as_json(key: ApiKey, now: datetime) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")}
    return {
        "key_id": key.key_id,
        "service": key.service,
        "name": key.name,
        "last_four": key.last_four,
        "scopes": sorted(key.scopes),
        "state": _state(key, now),
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
        "rotated_from": key.rotated_from,
    }


def _table(found: tuple[ApiKey, ...], now: datetime) -> Table:
    table = Table(title="API keys")
    for name in ("key", "service", "name", "ends in", "state", "scopes", "created", "expires", "last used"):
        table.add_column(name, no_wrap=name == "key")
    for key in found:
        times = (_minute(at) for at in (key.created_at, key.expires_at, key.last_used_at))
        table.add_row(key.key_id, key.service, key.name, f"…{key.last_four}", _state(key, now), _scopes(key), *times)
    return table


def _state(key: ApiKey, now: datetime) -> str:
    return refusal(key, now) or "live"


def _scopes(key: ApiKey) -> str:
    return ", ".join(sorted(key.scopes)) or "no scope"


def _end(key: ApiKey) -> str:
    return f"expires at {_minute(key.expires_at)}" if key.expires_at else "never expires"


def _minute(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
