"""External ids: our stable key for a record that we make in Odoo.

The form is `fcb.<service>_<entity>_<id>`. The prefix must never be, or become, the technical name of an Odoo module: Odoo
destroys such records when that module is updated or removed (ir.model.data).
"""

import re
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput

MODULE = "fcb"
"""The `module` half of every external id of ours in `ir.model.data`."""

_SERVICE = re.compile(r"[a-z][a-z0-9]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]")
_ESCAPED = re.compile(r"(?:=[0-9a-f]{2})+")


class Entity(StrEnum):
    """What kind of record of the source an external id stands for."""

    USER = "user"
    LINKED_USER = "linked_user"
    """A user whose partner was in Odoo before us: never `user`, under which a partner is ours to write and to prune."""
    PLAN = "plan"
    PLAN_USAGE = "plan_usage"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    LIVE_INVOICE = "live_invoice"
    """What Odoo bills for real: never `invoice`, which drafting may take away and of which none may ever be posted."""
    CREDIT_NOTE = "credit_note"
    """By the id in Odoo of the invoice that it takes back: an invoice has one."""
    USAGE_LINE = "usage_line"
    """A month's usage on the order of a subscription: never `invoice`, for an external id stands for records of one model."""
    SOURCE_INVOICE = "source_invoice"


def external_id(service: str, entity: Entity, source_id: str) -> str:
    """The external id of a source record, such as `fcb.nexacloud_user_42`; two records never share one.

    Characters of the source's id other than letters, digits and `-` are written as UTF-8 hex, `=5f` for `_`: an id thus never
    holds the `_` that ends the entity, or plan `usage_5` could be read as the usage of plan `5`.
    """
    if not _SERVICE.fullmatch(service):
        raise InvalidInput(f"service code {service!r} must be lower-case letters and digits, starting with a letter")
    if not source_id:
        raise InvalidInput(f"a {entity} of {service} has an empty id, which can never be matched")
    return f"{MODULE}.{service}_{entity}_{_escaped(source_id)}"


def part_id(xid: str, key: str) -> str:
    """The external id of a part of a record, such as a line of an invoice; `key` is unique among the parts of the record."""
    return f"{xid}_{_escaped(key)}"


def part_key(xid: str, part: str) -> str | None:
    """The key of a part of a record, of its external id; None where it is no part of that record."""
    head, _, key = part.rpartition("_")
    return _plain(key) if head == xid else None


def source_id(xid: str) -> str:
    """The id behind an external id of a record; of a part of one it is the part's key."""
    return _plain(xid.rpartition("_")[2])


def has_tail(xid: str, tail: str) -> bool:
    """Whether the id behind an external id ends in a text, such as `/2026-04`."""
    return xid.endswith(_escaped(tail))


def is_of(xid: str, service: str, entity: Entity) -> bool:
    """Whether an external id names a record of this service and entity, whatever its id in the source."""
    head, _, escaped = xid.rpartition("_")
    return bool(escaped) and head == f"{MODULE}.{service}_{entity}"


def live_invoices_of(xid: str) -> str | None:
    """What the external ids of a subscription's live invoices begin with, of that of its order; None where it is no order's."""
    head, _, escaped = xid.rpartition("_")
    tail = f"_{Entity.SUBSCRIPTION}"
    if not head.endswith(tail):
        return None
    return f"{head.removesuffix(tail)}_{Entity.LIVE_INVOICE}_{escaped}{_escaped('/')}"


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda found: "".join(f"={byte:02x}" for byte in found[0].encode()), text)


def _plain(escaped: str) -> str:
    """What was escaped; text that nobody escaped so stays as it is."""
    return _ESCAPED.sub(lambda one: bytes.fromhex(one[0].replace("=", "")).decode("utf-8", "replace"), escaped)
