"""The demo's 87 subscriptions: each one deployment on one plan, alive in at least one of the months 2026-03 to 2026-05.

Owns: who has what from when to when, and what the host recorded of changes. Does not own: what was agreed about the price
(agreements), what was billed (invoices). Times are those of Toronto.
"""

from datetime import date, datetime

from fcb_pipelines.source.demo.catalogue import plan_ids
from fcb_pipelines.source.demo.tables import Table, cells, given, toronto, toronto_day

SUBSCRIPTIONS = """
id   | user | plan               | cycle   | started          | ended            | status
1001 | 1    | Web M (2025)       | monthly | 2024-09-02 10:15 | -                | active
1002 | 1    | Web M (2025)       | monthly | 2025-01-20 16:40 | -                | active
1003 | 1    | Web M (2025)       | monthly | 2025-06-11 09:05 | -                | active
1004 | 1    | Database S (2025)  | monthly | 2024-09-02 10:21 | -                | active
1005 | 1    | Database S (2025)  | monthly | 2025-10-30 13:33 | -                | active
1006 | 1    | Storage S (2025)   | monthly | 2025-12-04 08:50 | -                | active
1007 | 1    | Web L (2025)       | yearly  | 2025-07-04 11:00 | -                | active
1008 | 1    | Web L (2025)       | yearly  | 2024-11-12 14:20 | -                | active
1009 | 1    | Database M (2025)  | yearly  | 2025-01-15 09:30 | -                | active
1010 | 1    | Storage M (2024)   | yearly  | 2024-08-19 15:45 | -                | active
1011 | 1    | Web S (2024)       | yearly  | 2024-02-29 12:00 | -                | active
1012 | 1    | Storage M (2025)   | yearly  | 2025-04-10 10:10 | -                | active
1013 | 1    | Free               | monthly | 2025-03-03 18:00 | -                | active
1014 | 1    | Web S (2025)       | monthly | 2026-05-05 09:40 | -                | active
1015 | 2    | Archive 2 TB       | monthly | 2026-03-15 09:12 | -                | active
1016 | 2    | Archive 2 TB       | monthly | 2026-03-15 09:14 | -                | active
1017 | 2    | Edge Relay         | monthly | 2026-03-15 09:31 | -                | active
1018 | 2    | Edge Relay         | monthly | 2026-03-15 09:33 | -                | active
1019 | 2    | Compute S (2025)   | monthly | 2025-02-14 10:00 | -                | active
1020 | 2    | Compute S (2025)   | monthly | 2025-02-14 10:02 | -                | active
1021 | 2    | Compute L (2025)   | monthly | 2025-11-01 00:00 | -                | active
1022 | 2    | Worker L (2025)    | monthly | 2025-08-25 17:10 | -                | active
1023 | 2    | Web XL (2025)      | yearly  | 2025-09-09 09:00 | -                | active
1024 | 2    | Memory S (2025)    | yearly  | 2025-10-01 00:00 | -                | active
1025 | 2    | Worker M (2024)    | yearly  | 2024-12-31 23:30 | -                | active
1026 | 2    | Database S (2025)  | yearly  | 2026-01-08 11:11 | -                | active
1027 | 2    | Web M (2023)       | yearly  | 2023-06-01 00:00 | -                | active
1028 | 2    | Free               | monthly | 2025-05-17 20:00 | -                | active
1029 | 2    | Compute XS (2025)  | monthly | 2026-05-12 15:30 | -                | trialing
1030 | 2    | Compute S (2025)   | monthly | 2025-02-14 10:04 | 2026-04-11 10:00 | cancelled
1031 | 2    | Memory S (2025)    | monthly | 2026-02-01 00:00 | -                | active
1032 | 3    | Worker M (2025)    | monthly | 2025-01-06 08:00 | -                | active
1033 | 3    | Worker M (2025)    | monthly | 2025-01-06 08:01 | -                | active
1034 | 3    | Worker M (2025)    | monthly | 2025-01-06 08:02 | -                | active
1035 | 3    | Worker M (2025)    | monthly | 2025-09-15 12:30 | -                | active
1036 | 3    | Cache S (2025)     | monthly | 2025-01-06 08:10 | -                | active
1037 | 3    | Cache S (2025)     | monthly | 2025-09-15 12:35 | -                | active
1038 | 3    | Web S (2025)       | monthly | 2026-04-09 14:00 | -                | active
1039 | 3    | Cache M (2025)     | monthly | 2026-04-20 11:25 | -                | active
1040 | 3    | Database L (2025)  | yearly  | 2025-06-30 23:59 | -                | active
1041 | 3    | Worker L (2025)    | yearly  | 2025-07-22 10:00 | -                | active
1042 | 3    | Worker L (2025)    | yearly  | 2025-07-22 10:01 | -                | active
1043 | 3    | Storage L (2024)   | yearly  | 2024-10-14 09:45 | -                | active
1044 | 3    | Web S (2025)       | yearly  | 2026-02-16 16:16 | -                | active
1045 | 3    | Database XS (2025) | monthly | 2025-03-19 09:09 | 2026-04-01 00:00 | cancelled
1046 | 3    | Free               | monthly | 2024-12-02 07:30 | -                | active
1047 | 3    | Free               | monthly | 2026-03-30 19:45 | -                | active
1048 | 4    | Compute M (2025)   | monthly | 2026-03-16 13:05 | 2026-05-01 00:00 | cancelled
1049 | 4    | Compute L (2025)   | monthly | 2026-04-14 09:50 | -                | active
1050 | 4    | Compute XS (2025)  | monthly | 2026-05-20 10:30 | -                | trialing
1051 | 4    | Memory XS (2025)   | monthly | 2026-04-25 16:00 | -                | active
1052 | 4    | Compute M (2025)   | yearly  | 2025-08-08 08:08 | -                | active
1053 | 4    | Compute S (2024)   | yearly  | 2024-06-17 12:00 | -                | active
1054 | 4    | Worker XS (2025)   | yearly  | 2025-11-24 13:40 | -                | active
1055 | 4    | Memory M (2025)    | yearly  | 2025-12-01 00:00 | -                | active
1056 | 4    | Web Nano (2025)    | yearly  | 2026-01-31 17:20 | -                | active
1057 | 4    | Free Education     | monthly | 2025-09-01 00:00 | -                | active
1058 | 4    | Web M (2025)       | yearly  | 2025-05-06 10:00 | -                | active
1059 | 4    | Cache L (2025)     | monthly | 2025-05-28 09:00 | -                | active
1060 | 5    | Web Nano (2025)    | yearly  | 2024-03-20 15:15 | -                | active
1061 | 5    | Web M (2025)       | yearly  | 2025-07-13 10:00 | -                | active
1062 | 5    | Web L (2024)       | yearly  | 2024-09-30 22:00 | -                | active
1063 | 5    | Storage XS (2025)  | yearly  | 2025-10-18 11:30 | -                | active
1064 | 5    | Database XS (2025) | yearly  | 2026-02-28 09:00 | -                | active
1065 | 5    | Web S (2025)       | monthly | 2026-03-20 10:45 | -                | active
1066 | 5    | Web XS (2025)      | monthly | 2026-03-20 11:00 | -                | active
1067 | 5    | Free               | monthly | 2026-03-20 11:20 | -                | active
1068 | 5    | Web S (2024)       | yearly  | 2024-08-03 09:00 | 2026-03-18 14:00 | cancelled
1069 | 5    | Web XS (2025)      | monthly | 2025-11-20 12:00 | 2026-03-06 10:00 | cancelled
1070 | 6    | Storage L (2025)   | yearly  | 2025-06-05 08:00 | -                | active
1071 | 6    | Worker S (2025)    | yearly  | 2025-08-27 08:30 | -                | active
1072 | 6    | Database S (2024)  | yearly  | 2024-12-12 10:00 | -                | active
1073 | 6    | Web S (2025)       | yearly  | 2025-09-21 09:15 | -                | active
1074 | 6    | Web S (2025)       | yearly  | 2025-09-21 09:17 | -                | active
1075 | 6    | Memory XS (2025)   | yearly  | 2026-01-19 13:00 | -                | active
1076 | 6    | Web M (2025)       | yearly  | 2025-03-10 09:00 | -                | active
1077 | 6    | Storage S (2025)   | yearly  | 2024-05-21 10:20 | -                | active
1078 | 6    | Free               | monthly | 2025-04-22 21:00 | -                | active
1079 | 7    | Compute S (2025)   | monthly | 2025-01-02 09:00 | -                | active
1080 | 7    | Compute S (2026)   | monthly | 2026-01-12 09:00 | -                | active
1081 | 7    | Web M (2026)       | monthly | 2026-01-12 09:05 | -                | active
1082 | 7    | Database S (2026)  | monthly | 2026-01-12 09:10 | -                | active
1083 | 7    | Worker M (2026)    | yearly  | 2025-04-02 09:00 | -                | active
1084 | 7    | Staff              | monthly | 2025-01-02 09:30 | -                | active
1085 | 7    | Staff              | monthly | 2025-01-02 09:31 | 2026-05-15 18:00 | cancelled
1086 | 7    | Reseller           | monthly | 2026-02-10 10:00 | -                | active
1087 | 7    | Free               | monthly | 2025-01-02 09:45 | -                | active
"""

HISTORY = """
id   | field  | value           | from
1022 | plan   | Worker M (2025) | 2025-08-25 17:10
1022 | plan   | Worker L (2025) | 2026-04-16 00:00
1029 | status | trialing        | 2026-05-12 15:30
1030 | status | active          | 2025-02-14 10:04
1030 | status | cancelled       | 2026-04-11 10:00
1045 | status | active          | 2025-03-19 09:09
1045 | status | cancelled       | 2026-04-01 00:00
1048 | status | trialing        | 2026-03-16 13:05
1048 | status | active          | 2026-04-01 00:00
1048 | status | cancelled       | 2026-05-01 00:00
1050 | status | trialing        | 2026-05-20 10:30
1051 | status | trialing        | 2026-04-25 16:00
1051 | status | active          | 2026-05-25 16:00
1066 | status | trialing        | 2026-03-20 11:00
1066 | status | active          | 2026-04-19 11:00
1068 | status | active          | 2024-08-03 09:00
1068 | status | cancelled       | 2026-03-18 14:00
1069 | status | active          | 2025-11-20 12:00
1069 | status | cancelled       | 2026-03-06 10:00
1085 | status | active          | 2025-01-02 09:31
1085 | status | cancelled       | 2026-05-15 18:00
"""
"""What the host's own log says; before it was kept, and for all others, nothing is on record."""

PENDING_CANCELLATIONS = {"1020": "2026-07-01 00:00"}
BILLERS = {"1": "lago", "2": "stripe", "3": "lago", "4": "stripe", "5": "stripe", "6": "manual"}
"""Who bills a customer; the test account is billed by nobody."""

LAST_PAID_MONTH_ENDS = date(2026, 6, 1)
NOT_INVOICED = {"1006": "2025-12-04", "1039": "2026-04-20", "1058": "2026-05-06"}
"""Active and due, and nobody made an invoice from this day on: as long as the biller says that it is paid."""


def subscriptions() -> Table:
    """The table `subscriptions`."""
    plans = plan_ids()
    columns = ("id", "user_id", "plan_id", "deployment_id", "status", "billing_cycle", "started_at", "cancelled_at")
    rows = [
        (f"SUB-{row['id']}", row["user"], plans[row["plan"]], _deployment(row["id"]), row["status"], row["cycle"], *_life(row))
        for row in cells(SUBSCRIPTIONS)
    ]
    return Table(name="subscriptions", columns=columns, rows=rows)


def _deployment(number: str) -> str:
    return f"dep-{int(number) * 7919 % 65536:04x}"


def _life(row: dict[str, str]) -> tuple[datetime, datetime | None]:
    return toronto(row["started"]), toronto(row["ended"]) if given(row["ended"]) else None


def history() -> Table:
    """The table `subscription_history`; plans are named by their id there."""
    plans = plan_ids()
    rows = [
        (f"SUB-{row['id']}", row["field"], plans.get(row["value"], row["value"]), toronto(row["from"]))
        for row in cells(HISTORY)
    ]
    return Table(name="subscription_history", columns=("subscription_id", "field", "value", "valid_from"), rows=rows)


def billing_states() -> Table:
    """The table `billing_states`: those that somebody bills and that have not ended."""
    columns = ("subscription_id", "biller", "auto_renew", "paid_through", "cancel_at", "stripe_subscription_id")
    rows = [_billing_state(row) for row in cells(SUBSCRIPTIONS) if row["user"] in BILLERS and not given(row["ended"])]
    return Table(name="billing_states", columns=columns, rows=rows)


def _billing_state(row: dict[str, str]) -> tuple[object, ...]:
    biller, cancel_at = BILLERS[row["user"]], PENDING_CANCELLATIONS.get(row["id"])
    provider_id = f"sub_1Nx{int(row['id']) * 104729:x}" if biller == "stripe" else None
    ends = toronto(cancel_at) if cancel_at else None
    return f"SUB-{row['id']}", biller, cancel_at is None, _paid_through(row), ends, provider_id


def _paid_through(row: dict[str, str]) -> date | None:
    """The day after the last one paid for: of a year the next anniversary of the start, of a month the end of the last."""
    if row["id"] in NOT_INVOICED:
        return date.fromisoformat(NOT_INVOICED[row["id"]])
    if row["status"] == "trialing":
        return None
    return _next_anniversary(toronto_day(row["started"])) if row["cycle"] == "yearly" else LAST_PAID_MONTH_ENDS


def _next_anniversary(started: date) -> date:
    """The first anniversary after May 2026; one on 29 February falls on the 28th of other years."""
    day = 28 if (started.month, started.day) == (2, 29) else started.day
    this_year = started.replace(year=2026, day=day)
    return this_year if this_year >= LAST_PAID_MONTH_ENDS else this_year.replace(year=2027)
