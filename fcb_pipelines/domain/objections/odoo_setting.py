"""Odoo setting: a setting of Odoo would make bills wrong, late, or act by itself."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, lapsed, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown, OdooSetting


def _find(facts: GateFacts) -> Iterator[Objection]:
    settings = facts.odoo.settings
    if isinstance(settings, NotKnown):
        yield undecidable(KIND.id, SERVICE, settings, "how Odoo is set up", "look at Odoo:  fcb doctor")
        return
    for one in settings:
        if isinstance(one.is_fit, NotKnown):
            yield from _untold(facts, one, one.is_fit)
        elif not one.is_fit and not _is_meant(facts, one):
            yield Objection(
                id=KIND.id,
                scope=SERVICE,
                klass=Class.PROVEN,
                words=f"{one.name}: {one.words}",
                evidence=(one.name,),
                what_to_do=one.what_to_do,
            )


def _is_meant(facts: GateFacts, one: OdooSetting) -> bool:
    return one.may_be_meant and one.statement is not None and facts.attested(one.statement) is not None


def _untold(facts: GateFacts, one: OdooSetting, lacking: NotKnown) -> Iterator[Objection]:
    if one.statement is None:
        yield undecidable(KIND.id, SERVICE, lacking, one.name, one.what_to_do)
    elif facts.attested(one.statement) is None:
        said = NotKnown(f"{lacking.needs}, or a signature{lapsed(facts, one.statement)}")
        yield undecidable(KIND.id, SERVICE, said, one.name, to_attest(facts, one.statement))


KIND = Kind(
    id="odoo_setting",
    asks="whether Odoo's precision, tax rounding, auto-close, lock dates and sending are fit for live invoices",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="mending the setting (fcb doctor --fix); of what cannot be read, its statement, such as AUTO_SEND",
    find=_find,
    is_global=True,
)
