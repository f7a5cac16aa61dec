"""Settings of an Odoo changed for a moment and put back, as others use the same server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fcb_pipelines.odoo.client import Odoo

PER_LINE, GLOBALLY = "round_per_line", "round_globally"
UNITS, PRICES = "Product Unit", "Product Price"
FIRST_WITH_PRICES_IN_FULL = 19


@contextmanager
def rounding(odoo: Odoo, method: str) -> Iterator[None]:
    """Taxes are rounded that way."""
    with _switched(odoo, "res.company", 1, {"tax_calculation_rounding_method": method}):
        yield


@contextmanager
def digits(odoo: Odoo, usage: str, count: int) -> Iterator[None]:
    """The precision of that name, which 18.0 spells out further, keeps so many digits."""
    (row,) = odoo.search_read("decimal.precision", [("name", "in", [usage, f"{usage} of Measure"])], ["id"])
    with _switched(odoo, "decimal.precision", row["id"], {"digits": count}):
        yield


@contextmanager
def prices_in_full(odoo: Odoo) -> Iterator[None]:
    """Unit prices keep seven decimals, as they do from 19.0 on whatever the precision says."""
    if odoo.version().major >= FIRST_WITH_PRICES_IN_FULL:
        yield
        return
    with digits(odoo, PRICES, 7):
        yield


@contextmanager
def active(odoo: Odoo, currency: int) -> Iterator[None]:
    """The currency may be used."""
    with _switched(odoo, "res.currency", currency, {"active": True}):
        yield


@contextmanager
def _switched(odoo: Odoo, model: str, record: int, values: dict[str, Any]) -> Iterator[None]:
    (row,) = odoo.search_read(model, [("id", "=", record)], list(values))
    odoo.write(model, [record], values)
    try:
        yield
    finally:
        odoo.write(model, [record], {name: row[name] for name in values})
