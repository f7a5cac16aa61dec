"""What to do where a check fails, a sentence for each check: shown by the page and by the command that ran it.

Owns: the sentences, and under which name a result carries one. Does not own: when a check fails and what it says then (the
module of the check).
"""

from fcb_pipelines.services import Service

WHAT_TO_DO = "what to do"
"""The metadata of a failed check that has the sentence."""

_MEND_SOURCE = (
    "mend the rows that the tables of this check in the Dagster page name, in the source or in the mapping; then take a new "
    "snapshot:  fcb import --service {service}"
)
_RUN = "fcb run --service {service} --period {period}"
_READ_BACK = (
    "the table of this check in the Dagster page has each difference with its cause and its remedy; then run the same again"
)
_DRAFTS = "fcb invoices --service {service} --period {period} --dry-run  shows each; mend what it names, then run it again"

REMEDIES = {
    **{f"{entity}_suite": _MEND_SOURCE for entity in ("users", "plans", "subscriptions", "usage", "invoices")},
    "records_usable": _MEND_SOURCE,
    "import_complete": "run  fcb import --service {service}  again; what it tells of a record says why that is missing or bad",
    "shadow_inert": "make each record a draft again in Odoo, or remove it there; then  fcb import --service {service}",
    "odoo_read_back": _READ_BACK,
    "usage_conserved": (
        f"run it again:  {_RUN}  and where it stays, the tables of this check in the Dagster page have the subscriptions and "
        "metrics. Where units stay lost or doubled somebody changed our database: compare it with a backup"
    ),
    "feeds_agree": (
        "see each difference with  fcb feeds --service {service} --period {of}  and have the host push what it lacks or "
        f"take back what it should not have told, or mend the source; then  {_RUN} --refresh"
    ),
    "late_usage_adjusted": (
        f"run it again:  {_RUN}  and see what is adjusted:  fcb adjustments --service {{service}} --period {{period}}"
    ),
    "closed_usage_confirmed": (
        "the tables of this check in the Dagster page have the events. What is billed and no longer told is given back by "
        "hand. What is told beyond the bill is billed once the source has it as a further event with a key of its own"
    ),
    "money_conserved": (
        f"take a new snapshot and run it again:  {_RUN} --refresh  and where a sum stays off, that is a defect of ours: "
        "the table of this check in the Dagster page has both sides"
    ),
    "coverage": "fcb rows --service {service} --period {period}  names each row that is undecided, and why",
    "reconciliation_clean": "fcb report --service {service} --period {period}  names what stands against it, and what to do",
    "register_reconciled": "run the months that its table names:  fcb run --service {service} --period YYYY-MM",
    "draft_invoices_complete": _DRAFTS,
    "ready_to_flip": "fcb gate --service {service}  says what stands against whom, each with the command that clears it",
    "live_invoices_complete": "fcb live --service {service} --period {period} --dry-run  says what could not be drafted",
    "no_alarm_open": "fcb guard --service {service}  names each alarm and what to do; fcb stop  keeps all still meanwhile",
    "source_invoices_carried": _DRAFTS,
}
"""Check → what to do, with the service and the period to be put in."""


def what_to_do(check: str, service: Service, period: str = "", *, passed: bool, of: str = "") -> dict[str, str]:
    """The metadata that a result of the check carries; nothing where it passed. `of` is the month it is about, if another."""
    return {} if passed else {WHAT_TO_DO: REMEDIES[check].format(service=service.code, period=period, of=of or period)}
