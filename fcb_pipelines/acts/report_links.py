"""Making a one-time link to a report, opening it, and reading on with what it gave.

Owns: the acts `make_link`, `open_link` and `visitor`, each making and first use in the audit log. Does not own: when a link is
refused (domain/report_links), HTTP.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.report_links import (
    RANDOM_BYTES,
    VISIT,
    ReportLink,
    Spent,
    Token,
    is_visiting,
    lasting,
    new_token,
    read_token,
    spent,
)
from fcb_pipelines.store import audit
from fcb_pipelines.store import report_links as store
from fcb_pipelines.store.database import Database

_ID_BYTES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What opening a link gave."""

    link: ReportLink
    visit: Token | None
    """For the cookie; None where it opened nothing."""
    why_not: Spent | None = None


def make_link(db: Database, *, service: str, period: str, hours: int, actor: str, now: datetime) -> tuple[ReportLink, Token]:
    """Make a link to one period's report; the token is shown once and kept nowhere.

    Raises `InvalidInput` for a time that is too long.
    """
    token = new_token(secrets.token_bytes(RANDOM_BYTES))
    link = ReportLink(
        link_id=f"l_{secrets.token_hex(_ID_BYTES)}",
        service=service,
        period=period,
        made_at=now,
        made_by=actor,
        expires_at=now + lasting(hours),
    )
    with db.transaction() as conn:
        store.add(conn, link, token.digest)
        audit.append_audit(conn, _entry(link, Act.REPORT_LINK_MADE, actor, now))
    return link, token


def open_link(db: Database, text: str, now: datetime, *, address: str) -> Opened | None:
    """Open a link with the token of its address, once; None where there is no such link."""
    token = read_token(text)
    if token is None:
        return None
    with db.transaction() as conn:
        link = store.held(conn, token.digest)
        if link is None:
            return None
        why_not = spent(link, now)
        if why_not is not None:
            return Opened(link=link, visit=None, why_not=why_not)
        visit = new_token(secrets.token_bytes(RANDOM_BYTES))
        store.open_once(conn, link.link_id, at=now, visit_digest=visit.digest, visit_ends_at=now + VISIT)
        audit.append_audit(conn, _entry(link, Act.REPORT_LINK_OPENED, link.link_id, now, address))
    return Opened(link=link, visit=visit)


def visitor(db: Database, text: str, now: datetime) -> ReportLink | None:
    """The link that a visit came by; None where there is none, or the visit is over."""
    token = read_token(text)
    if token is None:
        return None
    with db.transaction() as conn:
        link = store.of_visit(conn, token.digest)
    return link if link is not None and is_visiting(link, now) else None


def _entry(link: ReportLink, act: Act, actor: str, now: datetime, address: str | None = None) -> AuditEntry:
    told = {"period": link.period, "expires_at": link.expires_at.isoformat()}
    data = told if address is None else {"period": link.period, "address": address}
    return AuditEntry(at=now, actor=actor, act=act, service=link.service, subject=link.link_id, data=data)
