"""The kill switch: `stop` ends every act that moves money before its next call to Odoo, until `resume`.

Owns: the acts `stop` and `resume`, and the question that every other act asks first. Does not own: those acts.

An unflip makes things safer, and whoever stopped in the night may need it while everything else stays still: it may go on
although stopped, where somebody says so of this very stop. A stop after that ends it as well.
"""

from datetime import UTC

from fcb_pipelines.domain.acceptances import Signature, person, require_text
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit
from fcb_pipelines.store import stops as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.stops import Stop


class Stopped(RuleViolation):
    """Somebody stopped the service: nothing that moves money is done."""


def stop(conn: Connection, service: Service, signature: Signature) -> None:
    """Stop a service; again where it is stopped already, so that nobody in a hurry is refused. Raises `InvalidInput`."""
    _turn(conn, service, signature, Act.STOPPED)


def resume(conn: Connection, service: Service, signature: Signature) -> Stop:
    """Let a service go on; answers the stop that ends. Raises `InvalidInput` where it is not stopped."""
    there = stopped(conn, service.code)
    if there is None:
        raise InvalidInput(f"{service.code} is not stopped")
    _turn(conn, service, signature, Act.RESUMED)
    return there


def stopped(conn: Connection, service: str) -> Stop | None:
    """Who stopped a service, and why; None where it runs."""
    there = store.last(conn, service)
    return there if there is not None and there.is_stopped else None


def require_running(conn: Connection, service: str, *, although: int | None = None) -> None:
    """Raise `Stopped` where a service is stopped; ask right before each call that moves money.

    `although` is the number of the stop that somebody said to go on in spite of.
    """
    there = stopped(conn, service)
    if there is not None and there.stop_id != although:
        raise Stopped(
            f"{service} was stopped by {there.person} at {there.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {there.text}. Nothing "
            f"more was done; once it may go on:  fcb resume --service {service} --text WHY"
        )


def _turn(conn: Connection, service: Service, signature: Signature, act: Act) -> None:
    require_text(signature.text, "--text")
    if not person(signature.person):
        raise InvalidInput("the switch needs the name of who turns it")
    store.put(conn, service.code, signature, is_stopped=act is Act.STOPPED)
    entry = AuditEntry(
        at=signature.at.astimezone(UTC),
        actor=signature.person,
        act=act,
        service=service.code,
        subject=service.code,
        data={"text": signature.text},
    )
    audit.append_audit(conn, entry)
