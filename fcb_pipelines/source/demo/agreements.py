"""What was agreed beside the list: contract prices, coupons, trials, credits. The records that may explain a difference.

Owns: the agreements. Does not own: what was billed under them (invoices), the true causes (truth).
"""

from fcb_pipelines.source.demo.tables import Table, cells, given, invoice_id, toronto

CONTRACT_PRICES = """
id | subscription | price | cycle   | from       | to | document
1  | 1021         | 65.00 | monthly | 2025-11-01 | -  | Order form 2025-117, signed 28 October 2025
"""

COUPONS = """
code    | percent_off | max_uses
MAPLE20 | 20          | 1
"""

REDEMPTIONS = """
code    | subscription | from       | to
MAPLE20 | 1031         | 2026-02-01 | 2026-08-01
"""

TRIALS = """
subscription | from       | to
1029         | 2026-05-12 | 2026-06-11
1048         | 2026-03-16 | 2026-04-01
1050         | 2026-05-20 | 2026-06-19
1051         | 2026-04-25 | 2026-05-25
1066         | 2026-03-20 | 2026-04-19
"""

CREDIT_NOTES = """
invoice | original | subscription | reason
0020    | 0005     | 1069         | Cancelled on 6 March, 26 of 31 days unused
"""

VOID_CONFIRMATIONS = """
invoice | confirmed        | reference
0030    | 2026-03-12 11:30 | lago:void/0030, second copy of the March hosting invoice
"""

ACCOUNT_CREDITS = """
id | user | invoice | amount | booked           | note
1  | 6    | 0006    | 50.00  | 2026-03-11 09:00 | Referral bonus, taken off the amount due after tax
"""


def agreements() -> tuple[Table, ...]:
    """The tables of all agreements; invoices and subscriptions are there already."""
    return _contract_prices(), *_coupons(), _trials(), _credit_notes(), _void_confirmations(), _account_credits()


def _contract_prices() -> Table:
    columns = ("id", "subscription_id", "price", "billing_cycle", "valid_from", "valid_to", "document")
    rows = [
        (row["id"], f"SUB-{row['subscription']}", row["price"], row["cycle"], row["from"], given(row["to"]), row["document"])
        for row in cells(CONTRACT_PRICES)
    ]
    return Table(name="contract_prices", columns=columns, rows=rows)


def _coupons() -> tuple[Table, Table]:
    coupons = [(row["code"], row["percent_off"], row["max_uses"]) for row in cells(COUPONS)]
    redemptions = [(row["code"], f"SUB-{row['subscription']}", row["from"], row["to"]) for row in cells(REDEMPTIONS)]
    return (
        Table(name="coupons", columns=("code", "percent_off", "max_uses"), rows=coupons),
        Table(name="coupon_redemptions", columns=("code", "subscription_id", "valid_from", "valid_to"), rows=redemptions),
    )


def _trials() -> Table:
    rows = [(f"SUB-{row['subscription']}", row["from"], row["to"]) for row in cells(TRIALS)]
    return Table(name="trials", columns=("subscription_id", "starts_on", "ends_on"), rows=rows)


def _credit_notes() -> Table:
    columns = ("invoice_id", "original_invoice_id", "subscription_id", "reason")
    rows = [
        (invoice_id(row["invoice"]), invoice_id(row["original"]), f"SUB-{row['subscription']}", row["reason"])
        for row in cells(CREDIT_NOTES)
    ]
    return Table(name="credit_notes", columns=columns, rows=rows)


def _void_confirmations() -> Table:
    rows = [(invoice_id(row["invoice"]), toronto(row["confirmed"]), row["reference"]) for row in cells(VOID_CONFIRMATIONS)]
    return Table(name="void_confirmations", columns=("invoice_id", "confirmed_at", "reference"), rows=rows)


def _account_credits() -> Table:
    columns = ("id", "user_id", "invoice_id", "amount", "booked_at", "note")
    rows = [
        (row["id"], row["user"], invoice_id(row["invoice"]), row["amount"], toronto(row["booked"]), row["note"])
        for row in cells(ACCOUNT_CREDITS)
    ]
    return Table(name="account_credits", columns=columns, rows=rows)
