"""Quote: what a quantity or a whole invoice would cost, from a written request to a written answer.

Owns: the request's and the answer's keys. Does not own: the prices (rating), how each part is read and an invoice is summed
(the other quote files), JSON (cli/quote).
"""

from collections.abc import Mapping
from fractions import Fraction

from fcb_pipelines.acts.quote_invoice import quote_invoice
from fcb_pipelines.acts.quote_price import OPTIONAL, read_price, shown
from fcb_pipelines.domain.conventions import Instalments
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Rounding, amount_text, exact_text, minor_units, round_to, rounded
from fcb_pipelines.domain.pricing import last_instalment
from fcb_pipelines.domain.written import check_keys, number, text, word

_MOST_SHOWN = 366
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
    check_keys(
        "the request",
        request,
        required=("quantity", "currency", "charge"),
        optional=(*OPTIONAL, "rounding", "instalment_rounding"),
    )
    currency = text("currency", request["currency"])
    rounding = word("rounding", request.get("rounding", Rounding.HALF_UP), Rounding)
    price = read_price(request)
    amount = rounded(price.exact, currency, rounding)
    return {
        "exact_amount": exact_text(price.exact),
        "amount": amount_text(amount.amount, currency),
        **price.fraction(),
        "lines": shown(price),
        **_instalments(request, price.exact, currency, rounding),
    }


def _instalments(request: Mapping[str, object], exact: Fraction, currency: str, rounding: Rounding) -> dict[str, object]:
    """Every instalment as it is billed, where the request says how they are rounded."""
    if "instalment_rounding" not in request:
        return {}
    how = word("instalment_rounding", request["instalment_rounding"], Instalments)
    if "instalments" not in request:
        raise InvalidInput("instalment_rounding needs instalments: how many parts the price is billed in, such as 12")
    parts = int(number("instalments", request["instalments"]))
    if parts > _MOST_SHOWN:
        raise InvalidInput(f"instalment_rounding shows every part, at most {_MOST_SHOWN} of them; instalments is {parts}")
    decimals = minor_units(currency)
    each = round_to(exact, decimals, rounding)
    last = each if how is Instalments.EACH else last_instalment(exact, parts, decimals, rounding)
    return {"instalments": [amount_text(amount, currency) for amount in (*(each,) * (parts - 1), last)]}
