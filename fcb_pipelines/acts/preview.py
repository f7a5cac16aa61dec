"""A preview: what a whole import would change, from one reading of Odoo.

Owns: the act `preview`. Does not own: any decision (partners, plans, subscriptions).
"""

from collections.abc import Iterator

from fcb_pipelines.acts import partners, plans, subscriptions
from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.domain.imports import Imported


def preview(reading: Reading, *, take_all: bool) -> Iterator[Imported]:
    """What the imports of partners, plans and subscriptions would do, in this order; changes nothing anywhere.

    Odoo is read once for all three, which an import that writes in between cannot do.
    """
    people = partners.decide(reading)
    yield people.decided.imported({})
    catalogue = plans.decide(reading, take_all=take_all)
    yield catalogue.decided.imported({})
    yield subscriptions.decide(reading, dry_run=True, people=people, catalogue=catalogue).imported({})
