"""`fcb audit`: proves the access log and the audit log whole."""

import sys

import click

from fcb_pipelines.acts.audit import Verified, verify_logs
from fcb_pipelines.cli.session import answer, connected, json_option, say
from fcb_pipelines.domain.audit import Head


@click.group()
def audit() -> None:
    """Prove that the access log and the audit log are as they were written.

    The access log has every call that showed a key or should have; the audit log what people did: with keys, signers and
    links, and what they adopted, signed, approved, took back or closed. Each row is bound to all rows before it by a hash.
    """


@audit.command()
@click.option(
    "--known", "kept", metavar="HEAD", multiple=True, help="A head that was printed before and kept outside; repeatable."
)
@json_option
def verify(kept: tuple[str, ...], *, as_json: bool) -> None:
    """Read both logs and print the head of each that is whole: log, rows, hash of the last.

    Who can write to the database as its administrator can write a whole log anew; not so that it still has a head that was
    kept elsewhere. Exit code 1, with row and reason, if anything was changed, taken out, moved or cut off.
    """
    known = [Head.read(text) for text in kept]
    with connected() as reached:
        found = verify_logs(reached.database(), known)
    if as_json:
        answer({each.log.value: _as_json(each) for each in found})
    for each in found:
        if each.broken is not None:
            say(f"{each.log} is broken at row {each.broken.position} ({each.broken.wrong}): {each.broken.detail}")
        elif not as_json:
            click.echo(str(each.head))
    if any(each.broken is not None for each in found):
        sys.exit(1)


def _as_json(found: Verified) -> dict[str, object]:
    broken = found.broken
    return {
        "rows": found.head.count if found.head else None,
        "head": str(found.head) if found.head else None,
        "broken": broken and {"position": broken.position, "wrong": broken.wrong.value, "detail": broken.detail},
    }
