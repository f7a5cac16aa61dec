"""The demo's customers: six companies in Ontario and the host's own test account.

Owns: who they are. Does not own: what they subscribed to (subscriptions).
"""

from fcb_pipelines.source.demo.tables import Table, cells, given

CUSTOMERS = """
id | email                               | full_name        | company                    | stripe_customer_id
1  | Billing@LakeshoreDental.example     | Priya Raman      | Lakeshore Dental Group     | cus_Lk4v9QmT2a
2  | accounts@mapleridgemedia.example    | Étienne Bélanger | Maple Ridge Media          | cus_Mr7d1XwP8c
3  | payables@huronlogistics.example     | Grace Okafor     | Huron Logistics            | cus_Hu2s5ZkR6e
4  | finance@trilliumsoftware.example    | Daniel Kowalczyk | Trillium Software          | cus_Tr9b3NyL4g
5  | hello@georgianbayoutfitters.example | Mei-Ling Chow    | Georgian Bay Outfitters    | cus_Ge6f8VtJ0i
6  | office@brucefarmcoop.example        | Walter Steinmann | Bruce Peninsula Farm Co-op | -
7  | qa@nexacloud.example                | NexaCloud QA     | NexaCloud                  | -
"""

INTERNAL = "7"
"""The test account: nobody is billed for it."""

PLACE = ("CA", "ON")


def users() -> Table:
    """The table `users`."""
    columns = ("id", "email", "full_name", "company", "stripe_customer_id", "country", "state", "is_active", "is_internal")
    rows = [
        (
            row["id"],
            row["email"],
            row["full_name"],
            row["company"],
            given(row["stripe_customer_id"]),
            *PLACE,
            True,
            row["id"] == INTERNAL,
        )
        for row in cells(CUSTOMERS)
    ]
    return Table(name="users", columns=columns, rows=rows)
