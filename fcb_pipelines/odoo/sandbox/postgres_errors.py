"""What Postgres refuses, in Odoo's words: links that must stay, and keys that exist already."""

import psycopg
from psycopg.errors import ForeignKeyViolation, RestrictViolation, UniqueViolation

from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.sandbox.errors import OdooError
from fcb_pipelines.odoo.sandbox.schema import link_name


def said_by_postgres(edition: Edition, fault: psycopg.Error) -> OdooError:
    """The error that Odoo shows for a refusal of its database."""
    if isinstance(fault, ForeignKeyViolation | RestrictViolation):
        return _still_used(edition, fault)
    if isinstance(fault, UniqueViolation):
        return edition.wording.broken(f"{fault.diag.message_primary}\nDETAIL:  {fault.diag.message_detail}\n")
    return OdooError(f"psycopg2.errors.{type(fault).__name__}", f"{fault.diag.message_primary}\n")


def _still_used(edition: Edition, fault: psycopg.Error) -> OdooError:
    for model in edition.models.values():
        for field in model.columns:
            if link_name(model, field) == fault.diag.constraint_name:
                return edition.wording.still_used(model, field, link_name(model, field))
    return edition.wording.broken(f"{fault.diag.message_primary}\n")
