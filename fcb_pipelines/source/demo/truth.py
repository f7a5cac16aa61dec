"""The true causes of every difference that was planted in the demo, in the words of the reconciliation's causes.

Owns: what an explanation must find, or must leave open. Does not own: the differences themselves; they follow from the other
tables. Only tests read it.

Several causes stand in the order of the waterfall; `consolidated_invoice` says that the money came on an invoice for several
subscriptions, which names none. `carried` is a line outside the model. `unexplained` is a difference whose record was withheld
on purpose, so that naming any cause would be a guess; the note says what really happened.
"""

from collections.abc import Iterator

from fcb_pipelines.source.demo.tables import Row, Table, cells, invoice_id, subscriptions_in

INSTANCES = """
ids       | months   | charge      | causes                                       | note
1001-1005 | 03 04 05 | flat        | consolidated_invoice                         | noted on the invoice
1006      | 03 04 05 | flat        | missing_in_source                            | a leak: active, due, never invoiced
1007      | 04       | cpu_seconds | missing_in_source                            | a leak: nobody bills overage of yearly ones
1012      | 04       | flat        | consolidated_invoice                         | the year from 10 April
1014      | 05       | flat        | proration consolidated_invoice               | 14.00 × 27 of 31 days
1015-1018 | 03       | flat        | billing_interval proration                   | price of a year or quarter, 17 of 31 days
1015-1018 | 04 05    | flat        | billing_interval consolidated_invoice        | 16.67 a month
1019-1020 | 03 04 05 | flat        | consolidated_invoice                         | noted on the invoice
1021      | 03 04 05 | flat        | price_override consolidated_invoice          | 65.00 by contract
1021      | 03       | cpu_seconds | timezone_boundary consolidated_invoice       | by days of UTC 501.4 over, not 530.6
1022      | 03       | flat        | consolidated_invoice                         | still on Worker M, as the history says
1022      | 04       | flat        | plan_change consolidated_invoice             | Worker M until 15 April, then Worker L
1022      | 05       | flat        | consolidated_invoice                         | noted on the header
1030      | 03       | flat        | consolidated_invoice                         | its last whole month
1030      | 04       | flat        | ended_early consolidated_invoice             | 24.00 × 10 of 30 days
1031      | 03 04 05 | flat        | discount consolidated_invoice                | 20 % by coupon
1032-1037 | 03 04    | flat        | consolidated_invoice                         | noted on the invoice
1032-1037 | 05       | flat        | unexplained                                  | in a header of 137.75, nothing noted
1035      | 03       | cpu_seconds | consolidated_invoice                         | billed at the end of April
1035      | 04       | cpu_seconds | unexplained                                  | 3.75 in a header of 137.75, nothing noted
1035      | 05       | cpu_seconds | missing_in_source                            | past its lag and in no invoice
1038      | 04       | flat        | proration consolidated_invoice tax_rounding  | 14.00 × 22 of 30 days; tax per total
1038      | 05       | flat        | unexplained                                  | in a header of 137.75, nothing noted
1039      | 04 05    | flat        | missing_in_source                            | a leak: never invoiced since it started
1045      | 03       | flat        | consolidated_invoice                         | its last month
1049      | 04       | flat        | proration                                    | 79.00 × 17 of 30 days
1049      | 05       | flat        | unexplained                                  | in a header of 165.00 with lost add-ons
1058      | 05       | flat        | missing_in_source                            | a leak: renewed on 6 May, never invoiced
1059      | 03       | flat        | unexplained                                  | 31.00 by word of mouth, no record
1059      | 04 05    | flat        | unexplained                                  | 31.00 in headers with lost add-ons
1065      | 03       | flat        | proration consolidated_invoice               | 14.00 × 12 of 31 days
1065      | 04       | flat        | consolidated_invoice                         | noted on the invoice
1065      | 05       | flat        | consolidated_invoice                         | with 1066 all that was due: 23.00
1066      | 05       | flat        | consolidated_invoice                         | with 1065 all that was due: 23.00
1069      | 03       | flat        | ended_early credit_note consolidated_invoice | billed in full, 26 of 31 days credited
1076      | 03       | flat        | consolidated_invoice                         | the year from 10 March
1077      | 05       | flat        | consolidated_invoice                         | all that was due: 120.00
"""

LINES = """
no   | at    | month | charge      | causes                                       | note
0001 | 1 2   | 03    | flat        | consolidated_invoice                         | five subscriptions
0001 | 3     | 03    | add_on      | carried                                      | recurs every month
0002 | 1     | 03    | flat        | consolidated_invoice                         | three subscriptions
0002 | 2     | 03    | flat        | price_override consolidated_invoice          | contract
0002 | 3     | 03    | flat        | plan_change consolidated_invoice             | the plan of that time
0002 | 4     | 03    | flat        | discount consolidated_invoice                | list price, with the next line
0002 | 5     | 03    | discount    | discount consolidated_invoice                | coupon
0003 | 1 2 3 | 03    | flat        | consolidated_invoice                         | seven subscriptions
0003 | 4     | 03    | add_on      | carried                                      | recurs every month
0004 | 1     | 03    | flat        | unexplained                                  | 31.00 instead of 40.00 by word of mouth
0004 | 2 3   | 03    | add_on      | carried                                      | recur every month, later inside headers
0005 | 1     | 03    | flat        | ended_early credit_note consolidated_invoice | a month billed after its end
0005 | 2     | 03    | proration   | proration consolidated_invoice               | first part of a month
0005 | 3     | 03    | one_off     | carried                                      | once, when 1065 to 1067 were set up
0006 | 1     | 03    | flat        | consolidated_invoice                         | one year
0006 | 2     | 03    | add_on      | carried                                      | once
0012 | 0     | 03    | balancing   | unexplained                                  | work done by hand, no record
0013 | 1 2 3 | 04    | flat        | consolidated_invoice                         | five subscriptions and one year
0013 | 4     | 04    | add_on      | carried                                      | recurs every month
0014 | 1     | 04    | flat        | consolidated_invoice                         | two subscriptions
0014 | 2     | 04    | flat        | ended_early consolidated_invoice             | ten days
0014 | 3     | 04    | flat        | price_override consolidated_invoice          | contract
0014 | 4     | 04    | flat        | plan_change consolidated_invoice             | with the two lines of invoice 0017
0014 | 5     | 04    | flat        | discount consolidated_invoice                | list price, with the next line
0014 | 6     | 04    | discount    | discount consolidated_invoice                | coupon
0014 | 7 8   | 04    | flat        | billing_interval consolidated_invoice        | two subscriptions each, 16.67
0014 | 9     | 03    | cpu_seconds | timezone_boundary consolidated_invoice       | March by days of UTC
0015 | 1 2   | 04    | flat        | consolidated_invoice                         | six subscriptions
0015 | 3     | 04    | flat        | proration consolidated_invoice               | first part of a month
0015 | 4     | 03    | cpu_seconds | consolidated_invoice                         | March, billed at the end of April
0015 | 5 6   | 04    | add_on      | carried                                      | messages recur, forms were needed once
0016 | 1     | 04    | flat        | consolidated_invoice                         | one subscription
0016 | 2     | 04    | unknown     | unexplained                                  | no record of why
0017 | 1 2   | 04    | proration   | plan_change consolidated_invoice             | one pair, 16 to 30 April
0018 | 0     | 04    | balancing   | unexplained                                  | 31.00 and the add-ons of 55.00
0019 | 0     | 04    | balancing   | proration                                    | 79.00 × 17 of 30 days
0020 | 1     | 03    | credit      | ended_early credit_note consolidated_invoice | 9.00 × 26 of 31 days
0022 | 1     | 05    | add_on      | carried                                      | recurs every month
0022 | 2     | 05    | proration   | proration consolidated_invoice               | first part of a month
0023 | 1     | 05    | add_on      | carried                                      | recurs every month
0024 | 0     | 05    | balancing   | consolidated_invoice                         | five subscriptions, noted
0025 | 0     | 05    | balancing   | price_override billing_interval discount consolidated_invoice | nine subscriptions, noted
0026 | 0     | 05    | balancing   | unexplained                                  | seven subscriptions and April's overage
0027 | 0     | 05    | balancing   | unexplained                                  | two subscriptions and the add-ons
0028 | 0     | 05    | balancing   | consolidated_invoice                         | all that the customer owed
0029 | 0     | 05    | balancing   | consolidated_invoice                         | all that the customer owed: one year
"""
"""Billed lines that meet no charge instance by subscription, charge and service range; position 0 is a header without items."""


def planted_truth() -> Table:
    """The table `planted_truth`."""
    columns = ("subject_kind", "subject_id", "month", "charge", "causes", "note")
    return Table(name="planted_truth", columns=columns, rows=[*_instances(), *_lines()])


def _instances() -> Iterator[Row]:
    for row in cells(INSTANCES):
        for subscription in subscriptions_in(row["ids"]):
            for month in row["months"].split():
                yield "subscription", subscription, f"2026-{month}", row["charge"], row["causes"].split(), row["note"]


def _lines() -> Iterator[Row]:
    for row in cells(LINES):
        for position in row["at"].split():
            key = f"{invoice_id(row['no'])}/{position}"
            yield "invoice_line", key, f"2026-{row['month']}", row["charge"], row["causes"].split(), row["note"]
