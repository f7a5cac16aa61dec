"""How amounts, times and verdicts are written for people.

Owns: their words. Does not own: any figure.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.money import Money, amount_text
from fcb_pipelines.domain.rows import Remedy, Verdict

MINUS = "\N{MINUS SIGN}"
NOTHING = "–"
"""A side that is absent; one that is present and zero has 0.00."""

VERDICTS: Mapping[Verdict, str] = {
    Verdict.MATCH: "both sides are the same",
    Verdict.EXPLAINED: "records predict what was billed, to the cent",
    Verdict.CARRIED: "outside our model: billed as the source bills it",
    Verdict.ACCEPTED: "signed by a person",
    Verdict.UNEXPLAINED: "nobody and no record decided it",
    Verdict.NOTHING_DUE: "nothing is due and nothing was billed",
}
REMEDIES: Mapping[Remedy, str] = {
    Remedy.NONE: "nothing is to be done",
    Remedy.FIX_MODEL: "our price, interval, term or tax must be mended",
    Remedy.FIX_SOURCE: "the source billed too much or too little: we owe or are owed",
    Remedy.CARRY: "say who bills it after the flip, or that it ended",
}


def amount(of: Money | None, *, signed: bool = False) -> str:
    """An amount without its currency, in groups of three, with the minus of print; `signed` puts + before what is above 0."""
    if of is None:
        return NOTHING
    whole, point, cents = amount_text(abs(of).amount, of.currency).partition(".")
    sign = MINUS if of.amount < 0 else "+" if signed and of.amount > 0 else ""
    return f"{sign}{int(whole):,}{point}{cents}"


def with_currency(of: Money) -> str:
    """An amount behind its currency, such as `CAD 1,164.15`."""
    return f"{of.currency}\N{NO-BREAK SPACE}{amount(of)}"


def listed(amounts: Iterable[Money]) -> str:
    """Amounts of several currencies, never summed."""
    return joined([with_currency(one) for one in amounts])


def joined(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def counted(count: int, one: str, more: str = "") -> str:
    """`1 thing`, `3 things`."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def percent(share: str) -> str:
    """A share of the coverage; words stay words."""
    try:
        return f"{Decimal(share) * 100:.2f}\N{NO-BREAK SPACE}%"
    except InvalidOperation:
        return share


def chance(share: str) -> str:
    """How likely arithmetic fits by chance."""
    return percent(share)


def day(moment: datetime | None, zone: ZoneInfo) -> str:
    """A day of the billing timezone."""
    return NOTHING if moment is None else moment.astimezone(zone).date().isoformat()


def time(moment: datetime, zone: ZoneInfo) -> str:
    """A time in the billing timezone, to the minute, with its offset."""
    local = moment.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:]}"


def words_of(name: str) -> str:
    """A name of ours as words: `fix_model` is `fix model`."""
    return name.replace("_", " ")
