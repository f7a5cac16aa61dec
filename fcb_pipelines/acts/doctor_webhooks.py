"""What `fcb doctor` finds of webhooks: whether they are sent, whether they can be, and what waits for a person.

Owns: these findings. Does not own: the guard (webhooks/egress), sealing (webhooks/sealing), what is sent (delivery).
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.messages import Board, EndpointShown, board
from fcb_pipelines.acts.senders import NO_KEYS, OFF
from fcb_pipelines.domain.errors import InvalidSettings, Refused
from fcb_pipelines.domain.findings import Finding, error, ok, warning
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.store import endpoints
from fcb_pipelines.store.database import Connection
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines.webhooks.checking import objection
from fcb_pipelines.webhooks.names import Lookups
from fcb_pipelines.webhooks.sealing import Sealing
from fcb_pipelines.webhooks.trust import VARIABLE, certificates

LONG = timedelta(minutes=10)
"""What should have been sent or told before that, nobody sends."""


def webhooks(connections: Connections) -> Iterator[Finding]:
    """Look at the settings, at each endpoint and at what waits; the database must be there and of this version."""
    settings, lookups = connections.settings.webhooks, Lookups()
    with connections.database().transaction() as conn:
        boards = {code: board(conn, code) for code in connections.settings.services}
        sealed = _unopened(conn, settings, boards)
    has_endpoints = any(one.endpoints for one in boards.values())
    yield _switch(settings, has_endpoints=has_endpoints)
    if settings.keys is None and (settings.is_on or has_endpoints):
        yield error("FCB_WEBHOOK_KEYS", NO_KEYS)
    if settings.ca_file is not None:
        yield _authorities(settings.ca_file)
    is_at_stake = has_endpoints or any(one.untold.count for one in boards.values()) or _is_real(connections)
    yield _operator(settings, lookups, is_at_stake=is_at_stake)
    for code, one in boards.items():
        for shown in one.endpoints:
            yield from _endpoint(shown, sealed.get(shown.endpoint.endpoint_id), settings, lookups)
        yield from _waiting(code, one, settings)


def _switch(settings: WebhookSettings, *, has_endpoints: bool) -> Finding:
    if settings.is_on:
        return ok("FCB_WEBHOOKS", "on: messages are sent while  fcb deliver --watch  or its job runs")
    return warning("FCB_WEBHOOKS", OFF) if has_endpoints else ok("FCB_WEBHOOKS", "off, and there is no endpoint")


def _authorities(file: Path) -> Finding:
    try:
        count = certificates(file)
    except InvalidSettings as failure:
        return error(VARIABLE, f"nothing is sent: {str(failure).removeprefix(f'{VARIABLE}: ')}")
    return ok(VARIABLE, f"certificates by {count:,} authorities in {file} count, beside those by the public ones")


def _is_real(connections: Connections) -> bool:
    return any(not service.is_demo for service in connections.settings.services.values())


def _operator(settings: WebhookSettings, lookups: Lookups, *, is_at_stake: bool) -> Finding:
    if not settings.tells_operator and not is_at_stake:
        return ok("operator", "nobody is told anything outside of our own pages, and nothing is to be told")
    if not settings.tells_operator:
        said = "set FCB_OPERATOR_EMAIL and FCB_SMTP_URL, or FCB_OPERATOR_WEBHOOK_URL; notices wait meanwhile"
        return warning("operator", f"nobody is told of dead messages and of alarms outside of our own pages: {said}")
    if settings.operator_url is not None:
        reason = objection(settings.operator_url.get_secret_value(), settings.policy, lookups)
        if reason is not None:
            return error("FCB_OPERATOR_WEBHOOK_URL", f"nothing is sent there: {reason}")
    mailed = f"mail to {', '.join(settings.operator_email)}" if settings.operator_email else ""
    posted = "a POST to FCB_OPERATOR_WEBHOOK_URL" if settings.operator_url is not None else ""
    return ok("operator", f"told by {' and '.join(filter(None, (mailed, posted)))}")


def _endpoint(shown: EndpointShown, unopened: str | None, settings: WebhookSettings, lookups: Lookups) -> Iterator[Finding]:
    one, about = shown.endpoint, f"endpoint {shown.endpoint.words} of {shown.endpoint.service}"
    reason = objection(one.url, settings.policy, lookups)
    if reason is not None:
        yield error(about, f"nothing is sent there: {reason}")
    if unopened is not None:
        yield error(about, f"nothing is sent there: {unopened}, or  fcb endpoints rotate {one.endpoint_id} --at-once")
    if one.disabled_because is not None:
        held = f"{shown.counts.counts[Standing.HELD]:,} messages are held"
        yield warning(about, f"disabled: {one.disabled_because}. {held}: fcb endpoints enable {one.endpoint_id}")
    elif one.failing_since is not None:
        since = f"{one.failing_since:%Y-%m-%d %H:%M}Z"
        yield warning(about, f"nothing but failures since {since}: fcb endpoints test {one.endpoint_id} shows what it answers")
    elif reason is None and unopened is None:
        yield ok(about, f"may be sent to; {shown.counts.counts[Standing.DELIVERED]:,} messages delivered")


def _waiting(code: str, found: Board, settings: WebhookSettings) -> Iterator[Finding]:
    if dead := found.count(Standing.DEAD):
        yield warning(f"messages of {code}", f"{dead:,} were given up: fcb messages list --dead shows them")
    late = max((one.counts.overdue for one in found.endpoints if one.counts.overdue is not None), default=timedelta(0))
    if settings.is_on and late > LONG:
        said = f"{found.due:,} are due, one for {_words(late)}, and nobody sends them: start  fcb deliver --watch"
        yield warning(f"messages of {code}", said)
    if found.untold.count:
        why = found.untold.problem or "nobody is told:  fcb deliver  tells, once there is a way to"
        yield warning(f"notices of {code}", f"{found.untold.count:,} were not told to an operator yet: {why}")


def _unopened(conn: Connection, settings: WebhookSettings, boards: dict[str, Board]) -> dict[str, str]:
    """By endpoint why one of its secrets cannot be opened."""
    if settings.keys is None:
        return {}
    sealing, found = Sealing(settings.keys.get_secret_value()), dict[str, str]()
    ids = [one.endpoint.endpoint_id for each in boards.values() for one in each.endpoints]
    for endpoint_id, sealed in endpoints.sealed_of(conn, ids).items():
        for one in sealed:
            try:
                sealing.open(one)
            except Refused as failure:
                found[endpoint_id] = str(failure)
    return found


def _words(late: timedelta) -> str:
    minutes = int(late.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - of hours nobody counts minutes
