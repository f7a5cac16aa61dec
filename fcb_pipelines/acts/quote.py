"""Quote: what a quantity or a whole invoice would cost, from a written request to a written answer.

Owns: the request's and the answer's keys. Does not own: the prices (rating), how each part is read and an invoice is summed
(the other quote files), JSON (cli/quote).
"""

from collections.abc import Mapping

from fcb_pipelines.acts.quote_invoice import quote_invoice
from fcb_pipelines.acts.quote_price import OPTIONAL, read_price, shown
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Rounding, amount_text, exact_text, rounded
from fcb_pipelines.domain.written import check_keys, text, word

_OF_A_LINE = {"discount", "tax_rate"}
_AN_INVOICE = 'write {"currency": …, "tax_rounding": …, "lines": [{"quantity": …, "charge": …, "discount": …, "tax_rate": …}]}'


def quote(request: Mapping[str, object]) -> dict[str, object]:
    """Answer one charge, or an invoice if the request has `lines`, all as text.

    Raises `InvalidInput` that names the key at fault.
    """
    return quote_invoice(request) if "lines" in request else _quote_charge(request)


def _quote_charge(request: Mapping[str, object]) -> dict[str, object]:
    """Answer `{"quantity", "currency", "charge"}` with the exact and the rounded amount and the priced lines."""
    if misplaced := _OF_A_LINE & request.keys():
        raise InvalidInput(f"the request: {min(misplaced)} belongs to a line of an invoice: {_AN_INVOICE}")
    check_keys("the request", request, required=("quantity", "currency", "charge"), optional=(*OPTIONAL, "rounding"))
    currency = text("currency", request["currency"])
    rounding = word("rounding", request.get("rounding", Rounding.HALF_UP), Rounding)
    price = read_price(request)
    amount = rounded(price.exact, currency, rounding)
    return {
        "exact_amount": exact_text(price.exact),
        "amount": amount_text(amount.amount, currency),
        **price.fraction(),
        "lines": shown(price),
    }
