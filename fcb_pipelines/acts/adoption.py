"""Adopting: what explained a row, written into the reviewed rules, so that our own rating and the orders in Odoo follow it.

Owns: the act `adopt`: which terms and conventions a row's explanation asks for, and how they are written into `fcb.toml`. Does
not own: what a term does (domain/causes), which kinds can be adopted (domain/steps).

The file is changed as a person would change it: everything else in it stays, comments too. What it would become is read as
settings first, so that a term that cannot be used is never written. The act is in the audit log.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from fcb_pipelines.acts.signed_rows import Newest
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.revisions import Published
from fcb_pipelines.domain.rows import Remedy
from fcb_pipelines.domain.steps import adoptable
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection

Check = Callable[[Path], None]
"""Reads a file as settings; raises `InvalidSettings` with what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoptable:
    """What some rows ask for."""

    records: tuple[tuple[Evidence, str], ...]
    """Each with the row that asks for it."""
    conventions: Mapping[tuple[str, str], str]
    """(plan family, name of the convention) → what it becomes; the family is empty for the service's own."""
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who adopts, and when."""

    person: str
    at: datetime


def wanted(
    conn: Connection, service: Service, evidence: Sequence[Evidence], row_ids: Sequence[str], chosen: Sequence[str] = ()
) -> Adoptable:
    """What the newest revision of some rows asks our model to be; `chosen` conventions, such as `proration = calendar_days`.

    Raises `InvalidInput` where a row is unknown, where nothing of it can be adopted, and where several conventions fit and none
    is chosen.
    """
    newest = Newest.of(conn, service)
    records: dict[tuple[str, str], tuple[Evidence, str]] = {}
    conventions: dict[tuple[str, str], str] = {}
    for row_id in dict.fromkeys(row_ids):
        row = newest.looked_at(conn, row_id, None)
        findings = [each for each in _findings(row) if each["remedy"] == Remedy.FIX_MODEL]
        found = {(one.kind, one.reference): (one, row_id) for one in _records(evidence, findings)}
        open_ones = [each for each in findings if chosen or not _is_declared(service, each)]
        declared = dict(_conventions(row_id, open_ones, chosen))
        if not found and not declared:
            raise InvalidInput(_nothing(row, findings) if open_ones or not findings else _already(row, service))
        records |= {key: one for key, one in found.items() if key not in records}
        conventions |= declared
    return Adoptable(records=tuple(records.values()), conventions=conventions, rows=tuple(dict.fromkeys(row_ids)))


def _findings(row: Published) -> list[dict[str, Any]]:
    return [finding for instance in row["instances"] for finding in instance["findings"]]


def _records(evidence: Sequence[Evidence], findings: Iterable[Mapping[str, Any]]) -> Iterable[Evidence]:
    references = {reference for finding in findings for reference in finding["references"]}
    return (one for one in evidence if one.reference in references and one.kind in adoptable())


def _conventions(
    row_id: str, findings: Iterable[Mapping[str, Any]], chosen: Sequence[str]
) -> Iterable[tuple[tuple[str, str], str]]:
    for finding in findings:
        fitting = finding["conventions"]
        picked = fitting if len(fitting) == 1 else [each for each in fitting if each in chosen]
        if fitting and len(picked) != 1:
            said = ", ".join(f"'{each}'" for each in fitting)
            raise InvalidInput(f"{row_id}: several conventions fit, so choose one with --convention: {said}")
        for each in picked:
            name, _, value = each.partition(" = ")
            yield (finding["family"], name), value


def _is_declared(service: Service, finding: Mapping[str, Any]) -> bool:
    """Whether one of the conventions that fit is that of its family by now."""
    families = service.plan_families
    family = next((each for each in families.declared if each.name == finding["family"]), families.service)
    for each in finding["conventions"]:
        name, _, value = each.partition(" = ")
        if value == getattr(family.conventions, name, getattr(service.conventions, name, None)):
            return True
    return False


def _already(row: Published, service: Service) -> str:
    again = f"fcb run --service {service.code} --period {row['period']}"
    return f"{row['row_id']} follows a convention that is declared already: run its month again with  {again}"


def _nothing(row: Published, findings: Sequence[Mapping[str, Any]]) -> str:
    if not findings:
        return f"{row['row_id']} asks nothing of our model: its verdict is {row['verdict']}, its remedy {row['remedy']}"
    causes = ", ".join(dict.fromkeys(finding["cause"] for finding in findings))
    return f"{row['row_id']} is explained by {causes}, which is no term that could be adopted: decide it with  fcb accept"


def adopt(conn: Connection, service: Service, config: Path, asked: Adoptable, signed: Signed, *, check: Check) -> list[str]:
    """Write what is asked for into the reviewed rules; the lines that are new. Raises what `check` raises.

    What is there already is not written again, so that it can be done twice.
    """
    before = config.read_text(encoding="utf-8")
    after, added = _changed(before, service, asked, signed)
    if not added:
        raise InvalidInput(f"{config.name} has all of it already: run the period again")
    _replace(config, after, check)
    entry = AuditEntry(
        at=signed.at,
        actor=signed.person,
        act=Act.TERM_ADOPTED,
        service=service.code,
        subject=", ".join(asked.rows),
        data={"added": added},
    )
    audit.append_audit(conn, entry)
    return added


def _changed(before: str, service: Service, asked: Adoptable, signed: Signed) -> tuple[str, list[str]]:
    """The file as it becomes: conventions in their place, terms at its end, where they tear no other table from its comment."""
    document = tomlkit.parse(before)
    added = []
    for (family, name), value in asked.conventions.items():
        place = _conventions_of(document["services"][service.code], family)
        if str(place.get(name)) != value:
            item = tomlkit.string(value)
            item.comment(f"adopted by {signed.person} on {_day(signed, service)} because of {asked.rows[0]}")
            place[name] = item
            added.append(f'{_heading(service, family)}\n{name} = "{value}"')
    known = {(term.kind, term.subject_kind, term.subject, term.reference) for term in service.terms}
    terms = [
        f"[[services.{service.code}.terms]]\n{_term(record, service, row_id, signed).as_string()}"
        for record, row_id in asked.records
        if (record.kind, record.subject_kind, record.subject_id, record.reference) not in known
    ]
    whole = tomlkit.dumps(document).rstrip("\n")
    return "\n\n".join([whole, *(term.rstrip("\n") for term in terms)]) + "\n", [*terms, *added]


def _heading(service: Service, family: str) -> str:
    """What stands above a convention in the file."""
    return (
        f'# in the [[services.{service.code}.families]] of name = "{family}"'
        if family
        else f"[services.{service.code}.conventions]"
    )


def _conventions_of(table: Table, family: str) -> Any:
    """The table that declares a convention: that of a plan family, or of the service."""
    if family:
        return next(each for each in table["families"] if each["name"] == family)
    if "conventions" not in table:
        table.append("conventions", tomlkit.table())
    return table["conventions"]


def _term(record: Evidence, service: Service, row_id: str, signed: Signed) -> Table:
    term = tomlkit.table()
    days = {"valid_from": record.valid_from, "valid_to": record.valid_to}
    term.update(
        {
            "kind": record.kind,
            "subject_kind": record.subject_kind,
            "subject": record.subject_id,
            **{name: each.astimezone(service.zone).date() for name, each in days.items() if each is not None},
            "reference": record.reference,
            "adopted_by": signed.person,
            "adopted_on": signed.at.astimezone(service.zone).date(),
            "row": row_id,
        }
    )
    data = tomlkit.inline_table()
    data.update({name: value for name, value in record.data.items() if value is not None})
    term["data"] = data
    return term


def _day(signed: Signed, service: Service) -> str:
    return signed.at.astimezone(service.zone).date().isoformat()


def _replace(config: Path, text: str, check: Check) -> None:
    """Put the new text in place of the file at once, if it can be read as settings; whoever reads it sees one or the other."""
    descriptor, name = tempfile.mkstemp(prefix=f".{config.name}.", dir=config.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        check(draft)
        draft.chmod(config.stat().st_mode)
        draft.replace(config)
    finally:
        draft.unlink(missing_ok=True)
