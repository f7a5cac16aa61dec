"""Partners in Odoo: `res.partner`.

Owns: which fields of it we fill, the codes of countries and states, the search for partners that were there before us. Does not
own: which user is which partner (domain/partners).

A user is one partner. The company is written as `company_name`, the text that Odoo shows before the name, and is never
made a parent: that would be a second partner per user, and two users with the same company's name are not proved to be one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.partners import User, normalized_email
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.records import TEXT, Field, Kind, coded, rows_where

MODEL = "res.partner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Countries and states (`CA`, `CA-ON`) that this Odoo knows, with their ids."""

    countries: Mapping[str, int]
    states: Mapping[str, int]

    def unknown(self, country: str | None, state: str | None) -> str | None:
        """Why an address cannot be written; None where it can."""
        if country and country not in self.countries:
            return f"Odoo knows no country {country}: the source must give its ISO 3166-1 code, such as CA"
        if state and state not in self.states:
            return f"Odoo knows no state {state}: the source must give its ISO 3166-2 code, such as ON for CA-ON"
        return None


def places(odoo: Odoo, countries: Collection[str]) -> Places:
    """Read all countries, and the states of those given."""
    ids = {row["code"]: row["id"] for row in odoo.search_read("res.country", [("code", "!=", False)], ["code"])}
    used = {ids[code]: code for code in countries if code in ids}
    states = odoo.search_read("res.country.state", [("country_id", "in", sorted(used))], ["code", "country_id"])
    return Places(countries=ids, states={f"{used[row['country_id'][0]]}-{row['code']}": row["id"] for row in states})


def kind(known: Places) -> Kind:
    """How a partner of ours is kept."""
    return Kind(
        entity=Entity.USER,
        model=MODEL,
        fields=(
            Field(name="name", odoo="name", codec=TEXT),
            Field(name="email", odoo="email", codec=TEXT),
            Field(name="company", odoo="company_name", codec=TEXT),
            Field(name="country", odoo="country_id", codec=coded(known.countries)),
            Field(name="state", odoo="state_id", codec=coded(known.states)),
            Field(name="reference", odoo="ref", codec=TEXT),
        ),
    )


def wanted(user: User, country: str | None, state: str | None) -> Fields:
    """A user as the partner it shall be."""
    return {
        "name": user.name.strip(),
        "email": user.email,
        "company": user.company,
        "country": country,
        "state": state,
        "reference": user.external_user_id,
    }


def sharing(odoo: Odoo, emails: Iterable[str], ours: Collection[int]) -> dict[str, tuple[int, ...]]:
    """Partners other than `ours` by normalized e-mail; archived ones only where no active one has it.

    Searched by `email_normalized`, because the operators that ignore case treat `_` as any character.
    """
    rows = rows_where(odoo, MODEL, "email_normalized", set(emails), ["email_normalized", "active"])
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["id"] not in ours:
            found.setdefault(normalized_email(row["email_normalized"]) or "", []).append(row)
    return {email: _active_first(shared) for email, shared in found.items()}


def existing(odoo: Odoo, ids: Collection[int]) -> frozenset[int]:
    """Which of these partners exist, archived or not."""
    return frozenset(row["id"] for row in rows_where(odoo, MODEL, "id", ids, ["id"]))


def _active_first(rows: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    rows = tuple(rows)
    return tuple(row["id"] for row in rows if row["active"]) or tuple(row["id"] for row in rows)
