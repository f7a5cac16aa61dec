"""The page of the example: deployments, what waits for a person, and the messages that came.

Owns: the HTML and its style, plain and without scripts. Does not own: what it shows (deployments, the receiver's storage).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from example_host.deployments import Machine, now_text
from fcb_host.receiver.effects import Deployment
from fcb_host.receiver.inbox import Entry, Standing
from fcb_host.receiver.operating import Status

MOST_MESSAGES = 100

STYLE = """
:root{color-scheme:light dark;--text:#1c242b;--soft:#586571;--line:#dce2e7;--back:#fff;--box:#f5f7f9;
--good:#17694a;--good-back:#e8f5ef;--wait:#76590f;--wait-back:#faf3dd;--bad:#a3211a;--bad-back:#fcecea;--none:#586571;--none-back:#eff2f4}
@media (prefers-color-scheme:dark){:root{--text:#e4e9ed;--soft:#9eacb8;--line:#323c45;--back:#13181c;--box:#1b2228;
--good:#7dd6aa;--good-back:#163328;--wait:#e0c673;--wait-back:#352b10;--bad:#ff9c94;--bad-back:#401c1a;--none:#9eacb8;--none-back:#222a31}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1rem 1.5rem 3rem;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{font-size:1.5rem;margin:.6rem 0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}p{max-width:52rem;margin:.5rem 0}
.note{color:var(--soft);font-size:.9rem}.scroll{overflow-x:auto}
table{border-collapse:collapse;min-width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{padding-left:.2rem}thead th{color:var(--soft);font-size:.82rem}tbody th{font-weight:600}
td.why{min-width:18rem}td.at,tbody th,.state{white-space:nowrap}td.at{font-variant-numeric:tabular-nums}
.state{display:inline-block;padding:.05rem .5rem;border-radius:3px;font-size:.84rem;font-weight:600}
.state{color:var(--none);background:var(--none-back)}
.good{color:var(--good);background:var(--good-back)}.wait{color:var(--wait);background:var(--wait-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.box{border-left:5px solid var(--wait);background:var(--box);padding:.6rem 1rem;margin:1rem 0}
code{font-size:.88em;overflow-wrap:anywhere}ul{padding-left:1.2rem;margin:.4rem 0}
"""

_KINDS = {
    "running": "good",
    "active": "good",
    "done": "good",
    "suspended": "wait",
    "waiting": "wait",
    "pending": "wait",
    "ended": "wait",
    "held": "bad",
    "refused": "bad",
    "unreadable": "bad",
    "parked": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page is made of."""

    machines: list[Machine]
    known: dict[str, Deployment]
    """By name, as the receiver has them."""
    messages: list[Entry]
    status: Status


def page(shown: Shown) -> str:
    """The whole page."""
    return _whole(
        "<h1>Example host</h1>",
        "<p>A hosting service that does what its billing says: it takes signed messages, and suspends, restores and removes "
        "deployments. Load the page again to see what came since.</p>",
        _asked(shown),
        "<h2>Deployments</h2>",
        _table(
            ("deployment", "here", "by the receiver", "unpaid", "why"), (_machine(each, shown.known) for each in shown.machines)
        ),
        "<h2>Messages</h2>",
        f"<p class=note>The last {MOST_MESSAGES}, newest first.</p>" if len(shown.messages) == MOST_MESSAGES else "",
        _table(("came", "message", "deployment", "standing", "why"), map(_message, shown.messages))
        if shown.messages
        else "<p class=note>None yet.</p>",
    )


def off(because: str) -> str:
    """The page where there is nothing to show."""
    return _whole("<h1>Example host</h1>", f"<p class=box>{escape(because)}</p>")


def _whole(*parts: str) -> str:
    head = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>Example host</title>"
    body = f"<main>{''.join(parts)}</main>"
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"


def _asked(shown: Shown) -> str:
    """What waits for a person, with the command for it."""
    waits = [*_endings(shown.status)]
    if held := shown.status.messages.get(Standing.HELD.value):
        waits.append(f"{held} beyond the cap: <code>python -m fcb_host receiver held</code>, then <code>release</code>")
    if shown.status.failing:
        waits.append(f"{shown.status.failing} failing: {escape(shown.status.last_problem or '')}")
    if shown.status.conflicts:
        waits.append(
            f"{len(shown.status.conflicts)} came again with another body: <code>python -m fcb_host receiver status</code>"
        )
    looked = sum(shown.status.messages.get(each, 0) for each in ("parked", "unreadable", "refused"))
    if looked:
        waits.append(f"{looked} that nothing here could be done for: <code>python -m fcb_host receiver parked</code>")
    items = "".join(f"<li>{each}</li>" for each in waits)
    return f"<div class=box><strong>Waits for a person</strong><ul>{items}</ul></div>" if waits else ""


def _endings(status: Status) -> Iterable[str]:
    for each in status.ending:
        name = escape(each.deployment)
        if each.confirmed_by:
            yield f"{name} is removed by the next run: {escape(each.confirmed_by)} confirmed it"
        else:
            command = f"<code>python -m fcb_host receiver confirm {name} --as NAME</code>"
            yield f"{name} has ended: kept until {now_text(each.until)}, then {command}; <code>withdraw</code> takes it back"


def _machine(machine: Machine, known: dict[str, Deployment]) -> tuple[str, ...]:
    there = known.get(machine.name)
    unpaid = ", ".join(sorted(each.words for each in there.unpaid)) if there else ""
    return (
        f"<th scope=row>{escape(machine.name)}</th>",
        _cell(_state(machine.state)),
        _cell(_state(there.state.value) if there else "<span class=note>nothing came</span>"),
        _cell(escape(unpaid)),
        f"<td class=why>{escape(machine.reason)}</td>",
    )


def _message(entry: Entry) -> tuple[str, ...]:
    attempts = f"<br><span class=note>failed {entry.attempts} times</span>" if entry.attempts else ""
    return (
        f"<td class=at>{now_text(entry.received_at)}</td>",
        _cell(f"{escape(entry.type) or 'unreadable'}<br><span class=note>{escape(entry.message_id)}</span>"),
        _cell(escape(entry.deployment)),
        _cell(_state(entry.standing.value) + attempts),
        f"<td class=why>{escape(entry.why)}</td>",
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th scope=col>{each}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _state(name: str) -> str:
    return f"<span class='state {_KINDS.get(name, '')}'>{escape(name)}</span>"


def _cell(inner: str) -> str:
    return f"<td>{inner}</td>"
