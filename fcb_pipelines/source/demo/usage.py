"""The demo's usage: CPU time of fifteen metered subscriptions, by the hour or by the day of UTC, as the host's meter writes it.

Owns: how much was used when. Does not own: quotas (catalogue). A record belongs to the month in Toronto that it starts in, so a
day of UTC at a month's end belongs to the month before although most of it lies in the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from fcb_pipelines.source.demo.tables import TORONTO, Row, Table, cells, given

METERED = """
id   | hours | first            | until            | 2026-03   | 2026-04   | 2026-05  | why it is here
1001 | 24    | 2026-03-01 00:00 | 2026-06-02 00:00 | 311.2500  | 298.4000  | 305.0000 | below its quota; one record before March
1004 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 120.7000  | 96.3000   | 131.1000 | gaps
1007 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 880.0000  | 1250.4000 | 940.2000 | yearly; 250.4 over in April
1013 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 11.0000   | 0.0000    | 6.5000   | free, mostly idle
1019 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 187.6000  | 201.3000  | 249.9999 | almost its quota of 250
1021 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 1530.6000 | 640.0000  | 702.2500 | 530.6 over in March
1029 | 24    | 2026-05-13 00:00 | 2026-06-02 00:00 | -         | -         | 133.0000 | over its quota of 100, on trial
1032 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 500.0000  | 431.8000  | 466.1000 | exactly its quota in March
1035 | 1     | 2026-03-01 05:00 | 2026-06-01 04:00 | 1340.0000 | 1000.0000 | 812.5000 | over its quota of 500 in all months
1036 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 0.0000    | 0.0000    | 0.0000   | idle
1048 | 1     | 2026-03-16 18:00 | 2026-05-01 04:00 | 310.5000  | 2028.3217 | -        | trial, then 1528.3217 over
1049 | 24    | 2026-04-15 00:00 | 2026-06-02 00:00 | -         | 388.0500  | 714.9000 | from the middle of a month
1066 | 24    | 2026-03-21 00:00 | 2026-06-02 00:00 | 22.0000   | 130.0000  | 74.0000  | over its quota of 100 while on trial
1071 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 61.9000   | 64.2000   | 58.8000  | yearly, below its quota
1079 | 24    | 2026-03-02 00:00 | 2026-06-02 00:00 | 410.0000  | 305.5000  | 260.1000 | the test account, over its quota of 250
"""
"""Records start at `first` and every so many hours until before `until` (UTC); totals are core-hours of a month in Toronto."""

METERED_APART = """
id   | start            | core_hours
1001 | 2026-03-01 00:00 | 7.5000
1021 | 2026-04-01 00:00 | 29.2000
"""
"""Records whose amount is given; the first starts in February in Toronto, the second in March and by UTC in April."""

GAPS = """
id   | from             | until            | kind
1004 | 2026-03-20 00:00 | 2026-03-24 00:00 | missing
1004 | 2026-05-02 00:00 | 2026-05-03 00:00 | missing
1013 | 2026-03-06 00:00 | 2026-03-31 00:00 | idle
1035 | 2026-04-18 06:00 | 2026-04-18 17:00 | missing
1035 | 2026-05-09 00:00 | 2026-05-11 00:00 | idle
1049 | 2026-05-16 00:00 | 2026-05-18 00:00 | idle
"""

_HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 15, 14, 13, 14, 15, 14, 12, 10, 8, 7, 6, 5, 4, 3)
"""How busy each hour of a day in Toronto is."""
_WEEKDAYS = (10, 11, 11, 10, 9, 4, 3)
"""How busy each day of a week is, Monday first."""
_STEP = 10_000
"""The meter counts in ten-thousandths of a core-hour."""


def usage_records() -> Table:
    """The table `usage_records`."""
    columns = ("subscription_id", "period_start", "period_end", "cpu_hours")
    return Table(name="usage_records", columns=columns, rows=[row for meter in cells(METERED) for row in _records(meter)])


def _records(meter: Mapping[str, str]) -> Iterator[Row]:
    length = timedelta(hours=int(meter["hours"]))
    apart = {_utc(row["start"]): Decimal(row["core_hours"]) for row in cells(METERED_APART) if row["id"] == meter["id"]}
    for month, starts in groupby(_starts(meter, length), key=lambda start: f"{start.astimezone(TORONTO):%Y-%m}"):
        for start, hours in _shared_out(given(meter.get(month, "-")), list(starts), apart, meter):
            yield f"SUB-{meter['id']}", start.replace(tzinfo=None), (start + length).replace(tzinfo=None), hours


def _starts(meter: Mapping[str, str], length: timedelta) -> Iterator[datetime]:
    start = _utc(meter["first"])
    while start < _utc(meter["until"]):
        if not _is_in_gap(meter, start, "missing"):
            yield start
        start += length


def _shared_out(
    total: str | None, starts: Sequence[datetime], apart: Mapping[datetime, Decimal], meter: Mapping[str, str]
) -> Iterator[tuple[datetime, Decimal]]:
    """A month's total over its records, by how busy their hour is; the busiest one takes what does not divide."""
    fixed = sum((apart[start] for start in starts if start in apart), Decimal(0))
    units = int(((Decimal(total) if total else fixed) - fixed) * _STEP)
    weights = [0 if start in apart or _is_in_gap(meter, start, "idle") else _weight(start, meter) for start in starts]
    parts = [units * weight // (sum(weights) or 1) for weight in weights]
    parts[weights.index(max(weights))] += units - sum(parts)
    for start, part in zip(starts, parts, strict=True):
        yield start, apart.get(start, Decimal(part) / _STEP)


def _weight(start: datetime, meter: Mapping[str, str]) -> int:
    local = start.astimezone(TORONTO)
    ripple = 20 + (local.day * 37 + local.hour * 11 + int(meter["id"])) % 13
    return ripple * (_HOURS[local.hour] if meter["hours"] == "1" else _WEEKDAYS[local.weekday()])


def _is_in_gap(meter: Mapping[str, str], start: datetime, kind: str) -> bool:
    gaps = (gap for gap in cells(GAPS) if (gap["id"], gap["kind"]) == (meter["id"], kind))
    return any(_utc(gap["from"]) <= start < _utc(gap["until"]) for gap in gaps)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
