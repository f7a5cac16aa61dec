"""What stands in Odoo's books and users that could make our drafts wrong, late, or act by themselves.

Owns: customers without a province, closed books, drafts that post themselves, keys that end. Does not own: settings
(`check_settings`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.external_ids import MODULE
from fcb_pipelines.domain.findings import Finding, error, ok, warning
from fcb_pipelines.odoo.check_settings import COMPANY, company_at
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.resolution import external_ids

LOCKS = ("fiscalyear_lock_date", "period_lock_date", "sale_lock_date", "tax_lock_date", "hard_lock_date")
"""Of a company, as far as its version has them."""

INVOICES, KEYS, PARTNERS = "account.move", "res.users.apikeys", "res.partner"
KEY_DAYS = 30
"""How long before its end a key is warned about."""

SHOWN = 5
"""How many records a finding names."""


def check(odoo: Odoo, partners: Collection[int], *, next_draft: date, now: datetime, company: int | None) -> Iterator[Finding]:
    """Look at the books; `partners` are our customers in Odoo, `next_draft` the earliest day that we still invoice."""
    yield _addresses(odoo, partners)
    yield from _locks(odoo, next_draft, company)
    yield from _self_posting(odoo)
    yield from _keys(odoo, now)


def _addresses(odoo: Odoo, partners: Collection[int]) -> Finding:
    about = "Odoo customers' provinces"
    unplaced = ["|", ("country_id", "=", False), ("state_id", "=", False)]
    rows = rows_where(odoo, PARTNERS, "id", partners, ["name"], also=unplaced)
    if not rows:
        return ok(about, f"all of {len(set(partners))} customers have a country and a province")
    return warning(
        about,
        f"{len(rows)} customers have no country or no province, so that Odoo takes a fiscal position without tax or none: "
        f"{_some(rows)}; say in the source, or for a partner that was there before us in Odoo, where they are",
    )


def _locks(odoo: Odoo, next_draft: date, at: int | None) -> Iterator[Finding]:
    names = [name for name in LOCKS if name in odoo.fields(COMPANY)]
    if not names:
        return
    company = company_at(odoo, names, at)
    closed = {name: company[name] for name in names if company[name] and date.fromisoformat(company[name]) >= next_draft}
    if closed:
        listed = ", ".join(f"{name} {day}" for name, day in closed.items())
        yield warning(
            "Odoo lock dates",
            f"books are closed ({listed}) on days that we still invoice, from {next_draft.isoformat()} on: Odoo would move the "
            "date of an invoice that is posted on such a day; open them, or post later months only",
        )
    else:
        yield ok("Odoo lock dates", f"books are open from {next_draft.isoformat()} on")


def _self_posting(odoo: Odoo) -> Iterator[Finding]:
    """Drafts of ours that a timer of Odoo's would post; other people's are theirs."""
    if "auto_post" not in odoo.fields(INVOICES):
        return
    rows = odoo.search_read(INVOICES, [("state", "=", "draft"), ("auto_post", "not in", ["no", False])], ["display_name"])
    named = external_ids(odoo, INVOICES, [row["id"] for row in rows])
    ours = [{"name": row["display_name"]} for row in rows if named.get(row["id"], "").startswith(f"{MODULE}.")]
    about = "Odoo drafts that post themselves"
    if ours:
        yield error(about, f"{len(ours)} of our drafts are set to be posted by Odoo: {_some(ours)}; set Auto-post to No")
    else:
        yield ok(about, "none of ours")


def _keys(odoo: Odoo, now: datetime) -> Iterator[Finding]:
    """Keys of our user that end soon. Which of them we use, Odoo does not tell."""
    try:
        has_end = "expiration_date" in odoo.fields(KEYS)
    except Refused:
        return
    if not has_end:
        return
    mine = odoo.search_read(KEYS, [("user_id", "=", odoo.user_id())], ["name", "expiration_date"])
    soon = [row for row in mine if row["expiration_date"] and _moment(row["expiration_date"]) < now + timedelta(days=KEY_DAYS)]
    for row in soon:
        yield warning(
            f"Odoo API key {row['name']!r}",
            f"ends on {row['expiration_date'][:10]}: if it is FCB_ODOO_KEY, make a new one before (Odoo, as that user: My "
            "Preferences > Security > API Keys)",
        )
    if not soon:
        yield ok("Odoo API keys", f"{len(mine)} of our user, none ends within {KEY_DAYS} days")


def _moment(text: str) -> datetime:
    """A moment as Odoo writes it: UTC, without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _some(rows: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(f"{row['name']}" for row in rows[:SHOWN])
    return names + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
