"""What NexaCloud billed from March to May 2026: 29 invoices, 3,061.87 net, and one that is void.

Owns: the invoices, their items, and which subscriptions the billing desk noted for them. Does not own: why an amount is what it
is (truth). Creation times are those of the sync, in UTC; days are Toronto's, the last one included.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from fcb_pipelines.domain.money import round_half_up
from fcb_pipelines.source.demo.tables import Row, Table, cells, given, invoice_id, subscriptions_in

INVOICES = """
no   | user | subscription | created              | subtotal | status | provider         | created_by
0001 | 1    | -            | 2026-03-03T03:17:09Z | 130.00   | paid   | lago:inv-26-0001 | sync
0002 | 2    | -            | 2026-03-03T03:17:11Z | 184.20   | paid   | in_1R0aMapleMar  | sync
0003 | 3    | -            | 2026-04-01T03:17:44Z | 159.37   | paid   | lago:inv-26-0003 | sync
0004 | 4    | -            | 2026-03-05T03:17:08Z | 86.00    | open   | in_1R0bTrillMar  | sync
0005 | 5    | -            | 2026-03-21T03:17:15Z | 113.42   | paid   | in_1R5cGeorgMar  | sync
0006 | 6    | -            | 2026-03-11T03:17:12Z | 205.00   | paid   | -                | staff:walter
0007 | 2    | SUB-1015     | 2026-03-16T03:17:20Z | 9.14     | paid   | in_1R3aArchiveA  | sync
0008 | 2    | SUB-1016     | 2026-03-16T03:17:20Z | 9.14     | paid   | in_1R3bArchiveB  | sync
0009 | 2    | SUB-1017     | 2026-03-16T03:17:21Z | 9.14     | open   | in_1R3cEdgeA     | sync
0010 | 2    | SUB-1018     | 2026-03-16T03:17:21Z | 9.14     | paid   | in_1R3dEdgeB     | sync
0011 | 5    | SUB-1060     | 2026-03-21T03:17:16Z | 49.00    | paid   | in_1R5dGeorgYear | sync
0012 | 6    | -            | 2026-03-27T03:17:10Z | 200.60   | paid   | -                | sync
0013 | 1    | empty        | 2026-04-11T03:17:19Z | 350.00   | paid   | lago:inv-26-0013 | sync
0014 | 2    | -            | 2026-04-03T03:17:13Z | 238.64   | paid   | in_1RAaMapleApr  | sync
0015 | 3    | -            | 2026-05-01T03:17:31Z | 180.57   | open   | lago:inv-26-0015 | sync
0016 | 5    | -            | 2026-04-02T03:17:10Z | 99.00    | paid   | in_1RAbGeorgApr  | sync
0017 | 2    | -            | 2026-04-17T03:17:12Z | 12.00    | paid   | in_1RFaMapleChg  | sync
0018 | 4    | -            | 2026-04-04T03:17:09Z | 86.00    | paid   | -                | sync
0019 | 4    | SUB-1049     | 2026-04-15T03:17:14Z | 44.77    | paid   | -                | sync
0020 | 5    | -            | 2026-04-23T03:17:12Z | -7.55    | paid   | in_1RHaGeorgCrd  | staff:anna
0021 | 4    | SUB-1048     | 2026-05-02T03:17:22Z | 50.46    | paid   | in_1RLaTrillFin  | sync
0022 | 1    | -            | 2026-05-06T03:17:14Z | 27.19    | paid   | lago:inv-26-0022 | sync
0023 | 3    | -            | 2026-06-01T03:17:40Z | 5.01     | open   | lago:inv-26-0023 | sync
0024 | 1    | -            | 2026-05-02T03:17:09Z | 115.00   | paid   | -                | sync
0025 | 2    | -            | 2026-05-02T03:17:11Z | 250.88   | paid   | -                | sync
0026 | 3    | -            | 2026-05-02T03:17:12Z | 137.75   | open   | lago:inv-26-0026 | sync
0027 | 4    | -            | 2026-05-02T03:17:13Z | 165.00   | paid   | -                | sync
0028 | 5    | -            | 2026-05-02T03:17:13Z | 23.00    | paid   | in_1RLbGeorgMay  | sync
0029 | 6    | -            | 2026-05-22T03:17:10Z | 120.00   | open   | -                | staff:walter
0030 | 3    | -            | 2026-03-12T03:17:18Z | 96.00    | void   | lago:inv-26-0030 | sync
"""

ITEMS = """
no   | description                                                    | qty  | amount | first      | last       | pays for
0001 | Hosting service – Web M (2025) × 3                             | 3    | 57.00  | 2026-03-01 | 2026-03-31 | 1001-1003
0001 | Hosting service – Database S (2025) × 2                        | 2    | 58.00  | 2026-03-01 | 2026-03-31 | 1004-1005
0001 | Daily Backup × 5                                               | 5    | 15.00  | 2026-03-01 | 2026-03-31 | -
0002 | Hosting service – Compute S (2025) × 3                         | 3    | 72.00  | 2026-03-01 | 2026-03-31 | 1019-1020 1030
0002 | Hosting service – Compute L (2025) × 1                         | 1    | 65.00  | 2026-03-01 | 2026-03-31 | 1021
0002 | Hosting service – Worker M (2025) × 1                          | 1    | 24.00  | 2026-03-01 | 2026-03-31 | 1022
0002 | Hosting service – Memory S (2025) × 1                          | 1    | 29.00  | 2026-03-01 | 2026-03-31 | 1031
0002 | Coupon MAPLE20 – 20 % off Memory S (2025)                      | -    | -5.80  | 2026-03-01 | 2026-03-31 | 1031
0003 | Hosting service – Worker M (2025) × 4                          | 4    | 96.00  | 2026-03-01 | 2026-03-31 | 1032-1035
0003 | Hosting service – Cache S (2025) × 2                           | 2    | 24.00  | 2026-03-01 | 2026-03-31 | 1036-1037
0003 | Hosting service – Database XS (2025) × 1                       | 1    | 15.00  | 2026-03-01 | 2026-03-31 | 1045
0003 | WhatsApp – 2,437 messages × 0.01                               | 2437 | 24.37  | 2026-03-01 | 2026-03-31 | -
0004 | Hosting service – Cache L (2025) × 1                           | 1    | 31.00  | 2026-03-01 | 2026-03-31 | 1059
0004 | White Label                                                    | 1    | 35.00  | 2026-03-01 | 2026-03-31 | -
0004 | Forms Builder                                                  | 1    | 20.00  | 2026-03-01 | 2026-03-31 | -
0005 | Hosting service – Web XS (2025) × 1                            | 1    | 9.00   | 2026-03-01 | 2026-03-31 | 1069
0005 | Remaining time on Web S (2025) after 20 Mar 2026               | 1    | 5.42   | 2026-03-20 | 2026-03-31 | 1065
0005 | Set-up fee                                                     | 1    | 99.00  | -          | -          | -
0006 | Hosting service – Web M (2025) × 1, one year                   | 1    | 190.00 | 2026-03-10 | 2027-03-09 | 1076
0006 | Daily Backup × 5                                               | 5    | 15.00  | 2026-03-01 | 2026-03-31 | -
0007 | Hosting service – Archive 2 TB × 1, 15 to 31 March             | 1    | 9.14   | 2026-03-15 | 2026-03-31 | -
0008 | Hosting service – Archive 2 TB × 1, 15 to 31 March             | 1    | 9.14   | 2026-03-15 | 2026-03-31 | -
0009 | Hosting service – Edge Relay × 1, 15 to 31 March               | 1    | 9.14   | 2026-03-15 | 2026-03-31 | -
0010 | Hosting service – Edge Relay × 1, 15 to 31 March               | 1    | 9.14   | 2026-03-15 | 2026-03-31 | -
0011 | Hosting service – Web Nano (2025) × 1, one year                | 1    | 49.00  | 2026-03-20 | 2027-03-19 | -
0013 | Hosting service – Web M (2025) × 3                             | 3    | 57.00  | 2026-04-01 | 2026-04-30 | 1001-1003
0013 | Hosting service – Database S (2025) × 2                        | 2    | 58.00  | 2026-04-01 | 2026-04-30 | 1004-1005
0013 | Hosting service – Storage M (2025) × 1, one year               | 1    | 220.00 | 2026-04-10 | 2027-04-09 | 1012
0013 | Daily Backup × 5                                               | 5    | 15.00  | 2026-04-01 | 2026-04-30 | -
0014 | Hosting service – Compute S (2025) × 2                         | 2    | 48.00  | 2026-04-01 | 2026-04-30 | 1019-1020
0014 | Hosting service – Compute S (2025) × 1, 1 to 10 April          | 1    | 8.00   | 2026-04-01 | 2026-04-10 | 1030
0014 | Hosting service – Compute L (2025) × 1                         | 1    | 65.00  | 2026-04-01 | 2026-04-30 | 1021
0014 | Hosting service – Worker M (2025) × 1                          | 1    | 24.00  | 2026-04-01 | 2026-04-30 | 1022
0014 | Hosting service – Memory S (2025) × 1                          | 1    | 29.00  | 2026-04-01 | 2026-04-30 | 1031
0014 | Coupon MAPLE20 – 20 % off Memory S (2025)                      | -    | -5.80  | 2026-04-01 | 2026-04-30 | 1031
0014 | Hosting service – Archive 2 TB × 2                             | 2    | 33.34  | 2026-04-01 | 2026-04-30 | 1015-1016
0014 | Hosting service – Edge Relay × 2                               | 2    | 33.34  | 2026-04-01 | 2026-04-30 | 1017-1018
0014 | CPU overage – Compute L (2025), 501.4000 core-hours × 0.0075   | -    | 3.76   | 2026-03-01 | 2026-03-31 | 1021
0015 | Hosting service – Worker M (2025) × 4                          | 4    | 96.00  | 2026-04-01 | 2026-04-30 | 1032-1035
0015 | Hosting service – Cache S (2025) × 2                           | 2    | 24.00  | 2026-04-01 | 2026-04-30 | 1036-1037
0015 | Hosting service – Web S (2025) × 1, 9 to 30 April              | 1    | 10.27  | 2026-04-09 | 2026-04-30 | 1038
0015 | CPU overage – Worker M (2025), 840.0000 core-hours × 0.0075    | -    | 6.30   | 2026-03-01 | 2026-03-31 | 1035
0015 | WhatsApp – 2,400 messages × 0.01                               | 2400 | 24.00  | 2026-04-01 | 2026-04-30 | -
0015 | Forms Builder                                                  | 1    | 20.00  | 2026-04-01 | 2026-04-30 | -
0016 | Hosting service – Web S (2025) × 1                             | 1    | 14.00  | 2026-04-01 | 2026-04-30 | 1065
0016 | Manual fee                                                     | 1    | 85.00  | -          | -          | -
0017 | Unused time on Worker M (2025) after 16 Apr 2026               | 1    | -12.00 | 2026-04-16 | 2026-04-30 | 1022
0017 | Remaining time on Worker L (2025) after 16 Apr 2026            | 1    | 24.00  | 2026-04-16 | 2026-04-30 | 1022
0020 | Credit – Web XS (2025), cancelled on 6 Mar 2026                | 1    | -7.55  | 2026-03-06 | 2026-03-31 | 1069
0021 | Hosting service – Compute M (2025) × 1                         | 1    | 39.00  | 2026-04-01 | 2026-04-30 | -
0021 | CPU overage – Compute M (2025), 1,528.3217 core-hours × 0.0075 | -    | 11.46  | 2026-04-01 | 2026-04-30 | -
0022 | Daily Backup × 5                                               | 5    | 15.00  | 2026-05-01 | 2026-05-31 | -
0022 | Remaining time on Web S (2025) after 5 May 2026                | 1    | 12.19  | 2026-05-05 | 2026-05-31 | 1014
0023 | WhatsApp – 501 messages × 0.01                                 | 501  | 5.01   | 2026-05-01 | 2026-05-31 | -
0030 | Hosting service – Worker M (2025) × 4                          | 4    | 96.00  | 2026-03-01 | 2026-03-31 | 1032-1035
"""

HEADERS_PAY_FOR = """
no   | pays for
0024 | 1001-1005
0025 | 1015-1022 1031
"""
"""Noted for invoices whose items were lost; for the others without items nobody noted anything."""

HST = Decimal("0.13")
_NAMES = ("id", "number", "user_id", "subscription_id")
_AMOUNTS = ("subtotal", "tax", "total", "status", "currency")
_COLUMNS = (*_NAMES, *_AMOUNTS, "created_at", "paid_at", "stripe_invoice_id", "created_by")
_PAYMENT_SEEN_AFTER = timedelta(days=9)
"""The sync marks an invoice as paid so long after it saw it first, whenever the money came."""


def invoices() -> Table:
    """The table `invoices`."""
    return Table(name="invoices", columns=_COLUMNS, rows=[_invoice(row) for row in cells(INVOICES)])


def _invoice(row: dict[str, str]) -> Row:
    subtotal = Decimal(row["subtotal"])
    tax = round_half_up(subtotal * HST, 2)
    created = datetime.fromisoformat(row["created"])
    paid = created + _PAYMENT_SEEN_AFTER if row["status"] == "paid" else None
    subscription = "" if row["subscription"] == "empty" else given(row["subscription"])
    amounts = subtotal, tax, subtotal + tax, row["status"], "CAD"
    names = invoice_id(row["no"]), f"NC-2026-{row['no']}", row["user"], subscription
    return *names, *amounts, created, paid, given(row["provider"]), row["created_by"]


def invoice_items() -> Table:
    """The table `invoice_items`; positions count from 1 in the order written."""
    columns = ("invoice_id", "position", "description", "quantity", "amount", "period_start", "period_end")
    rows = [
        (invoice_id(row["no"]), position, row["description"], given(row["qty"]), row["amount"], *_range(row))
        for position, row in _positions()
    ]
    return Table(name="invoice_items", columns=columns, rows=rows)


def _range(row: dict[str, str]) -> tuple[str | None, str | None]:
    return given(row["first"]), given(row["last"])


def invoice_subscriptions() -> Table:
    """The table `invoice_subscriptions`: what an item, or a header (0), paid for."""
    noted = [*_positions(), *((0, row) for row in cells(HEADERS_PAY_FOR))]
    rows = [
        (invoice_id(row["no"]), position, subscription)
        for position, row in noted
        if given(row["pays for"])
        for subscription in subscriptions_in(row["pays for"])
    ]
    return Table(name="invoice_subscriptions", columns=("invoice_id", "position", "subscription_id"), rows=rows)


def _positions() -> list[tuple[int, dict[str, str]]]:
    seen: dict[str, int] = {}
    found = []
    for row in cells(ITEMS):
        seen[row["no"]] = seen.get(row["no"], 0) + 1
        found.append((seen[row["no"]], row))
    return found
