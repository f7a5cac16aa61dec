"""Amounts disturbed: a cent more or less in one line, or a random amount in its place, and the tax that follows from it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

from fcb_pipelines.domain.invoices import Invoice
from fcb_pipelines.domain.rows import Instance, Row, Verdict
from fcb_pipelines_tests.seeded.harness import World, reconciled, sides
from fcb_pipelines_tests.seeded.host import Host
from fcb_pipelines_tests.seeded.measures import Place, instances

CENT = Decimal("0.01")


WHATEVER_THE_AMOUNT = {"test_account"}
"""An account of the service itself is left out on both sides, so that no amount of its is ever a difference."""


def explained(rows: tuple[Row, ...]) -> Iterator[tuple[Place, Instance]]:
    """The instances that records explain by their amount, billed on a line."""
    for place, ones in instances(rows).items():
        for one in ones:
            causes = {finding.cause for finding in one.explanation.findings}
            if one.verdict is Verdict.EXPLAINED and one.evidence and not causes & WHATEVER_THE_AMOUNT:
                yield place, one


def with_amounts(host: Host, nets: Mapping[str, Decimal]) -> World:
    """The service with other amounts on some lines, each by its key, taxed as the host taxes."""
    invoices = dict(host.invoices)
    for key, net in nets.items():
        invoice_id, _, ordinal = key.rpartition("/")
        invoices[invoice_id] = _with(host, invoices[invoice_id], int(ordinal), net)
    world = host.world()
    return replace(world, records=replace(world.records, invoices=tuple(invoices.values())))


def _with(host: Host, invoice: Invoice, ordinal: int, net: Decimal) -> Invoice:
    lines = tuple(replace(line, amount=net) if line.ordinal == ordinal else line for line in invoice.lines)
    subtotal = sum((line.amount for line in lines), Decimal(0)) if lines else net
    tax = host.tax(invoice.external_user_id, [line.amount for line in lines] or [net])
    return replace(invoice, lines=lines, subtotal=subtotal, tax=tax, total=subtotal + tax)


def net_of(host: Host, key: str) -> Decimal:
    """What a line bills."""
    invoice_id, _, ordinal = key.rpartition("/")
    invoice = host.invoices[invoice_id]
    return next((line.amount for line in invoice.lines if line.ordinal == int(ordinal)), invoice.subtotal)


def still_explained_a_cent_off(host: Host) -> tuple[int, list[str]]:
    """How many explained instances there are, and those that are explained with a cent more or less too."""
    rows, found, still = reconciled(sides(host.world())), 0, list[str]()
    for place, one in explained(rows):
        key, cent = one.evidence[0].reference, host.rng.choice((CENT, -CENT))
        again = instances(reconciled(sides(with_amounts(host, {key: net_of(host, key) + cent}))))
        found += 1
        still += [f"{place} {key} {cent}" for each in again.get(place, ()) if each.verdict is Verdict.EXPLAINED]
    return found, still


def explained_at_random(host: Host, rng: Random, every: int = 2) -> tuple[int, list[str]]:
    """Give every second explained instance a random amount; how many there were, and those that are explained again."""
    before = [(place, one) for place, one in explained(reconciled(sides(host.world()))) if len(one.evidence) == 1]
    alone = [each for each in before if sum(each[1].evidence == other.evidence for _, other in before) == 1]
    chosen = [each for each in alone if rng.randrange(every)]
    nets = {one.evidence[0].reference: Decimal(rng.randint(1, 20_000)) / 100 for _, one in chosen}
    is_other = {place for place, one in chosen if nets[one.evidence[0].reference] != net_of(host, one.evidence[0].reference)}
    again = dict(explained(reconciled(sides(with_amounts(host, nets)))))
    return len(is_other), [f"{place}: {again[place].explanation.findings}" for place in is_other & again.keys()]
