"""The page of the control loop: Odoo, the messages and the host beside each other, with a button for what may happen.

Owns: its HTML and its two routes. Does not own: what it shows and does (control). It listens on this machine alone; a form
counts only where this page sent it.
"""

import json
from collections.abc import Iterable
from html import escape
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from fcb_pipelines.acts.messages import Shown
from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.local.loop.control import ControlLoop, Seen

AGAIN_SECONDS = 2
LAST_STEPS = 12
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}
STYLE = """
:root{color-scheme:light dark;--text:#1c242b;--soft:#586571;--line:#dce2e7;--back:#fff;--box:#f5f7f9;
--good:#17694a;--good-back:#e8f5ef;--wait:#76590f;--wait-back:#faf3dd;--bad:#a3211a;--bad-back:#fcecea}
@media (prefers-color-scheme:dark){:root{--text:#e4e9ed;--soft:#9eacb8;--line:#323c45;--back:#13181c;--box:#1b2228;
--good:#7dd6aa;--good-back:#163328;--wait:#e0c673;--wait-back:#352b10;--bad:#ff9c94;--bad-back:#401c1a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:80rem;padding:1rem 1.5rem 3rem;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{font-size:1.5rem;margin:.6rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem}p{max-width:56rem;margin:.5rem 0}
.note{color:var(--soft);font-size:.9rem}.scroll{overflow-x:auto}
table{border-collapse:collapse;min-width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .7rem;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-size:.82rem}tbody th{white-space:nowrap}
.state{display:inline-block;padding:.05rem .5rem;border-radius:3px;font-size:.84rem;font-weight:600;white-space:nowrap}
.good{color:var(--good);background:var(--good-back)}.wait{color:var(--wait);background:var(--wait-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.box{border-left:5px solid var(--wait);background:var(--box);padding:.6rem 1rem;margin:1rem 0}
form{display:inline}button{font:inherit;margin:0 .3rem .3rem 0;padding:.25rem .7rem;border:1px solid var(--line);
border-radius:4px;background:var(--box);color:var(--text);cursor:pointer}button:hover{border-color:var(--soft)}
button:disabled{opacity:.45;cursor:default}
ol{padding-left:1.4rem;font-size:.88rem;color:var(--soft)}code{font-size:.88em}
"""
_KINDS = {"running": "good", "paid": "good", "delivered": "good", "suspended": "wait", "not_paid": "wait", "waiting": "wait"}


def create_app(loop: ControlLoop) -> Starlette:
    """The page of a loop."""

    async def shown(request: Request) -> Response:
        said = request.query_params.get("said", "")
        # What was said of a press stays until it was read; all else changes by itself.
        again = {} if said else {"refresh": str(AGAIN_SECONDS)}
        return HTMLResponse(await run_in_threadpool(page, loop, said), headers=HEADERS | again)

    async def done(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return PlainTextResponse("a form of another page", 403)
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        said = await run_in_threadpool(_done, loop, form.get("act", ""), form.get("subscription", ""))
        return RedirectResponse(f"/?said={quote(said)}" if said else "/", 303)

    return Starlette(
        routes=[Route("/", shown), Route("/do", done, methods=["POST"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def _done(loop: ControlLoop, act: str, subscription: str) -> str:
    """Do what a button asks for; what is to be said of it."""
    acts = {"fail": loop.fail, "pay": loop.pay, "end": loop.end, "confirm": loop.confirm}
    if act not in acts or not loop.is_ready:
        return "there is nothing of that to be done now"
    try:
        acts[act](subscription)
    except FcbError as error:
        return str(error)
    return ""


def page(loop: ControlLoop, said: str = "") -> str:
    """The whole page."""
    try:
        body = _ready(loop) if loop.is_ready else _preparing(loop)
    except FcbError as error:
        # It comes again by itself: so does whoever did not answer.
        body = f"<p class=box role=alert>{escape(str(error))}</p>"
    box = f"<p class=box role=status>{escape(said)} <a href='/'>Go on</a></p>" if said else ""
    head = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>The control loop</title>"
    intro = (
        "<p>A customer of the demo who is billed from Odoo. What happens to their invoices there becomes signed messages, and "
        "the host does what these say. Press what is to happen in Odoo, and see what becomes of it.</p>"
    )
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body><main><h1>The control loop</h1>"
        f"{intro}{box}{body}</main></body></html>"
    )


def _preparing(loop: ControlLoop) -> str:
    return (
        f"<p class=box>Taking the customer live, as anybody is: {len(loop.progress)} of some forty commands are done.</p>"
        f"{_steps(loop)}"
    )


def _ready(loop: ControlLoop) -> str:
    seen = loop.seen()
    rows = "".join(map(_row, seen))
    heads = "".join(
        f"<th scope=col>{each}</th>" for each in ("subscription", "invoice in Odoo", "deployment at the host", "let")
    )
    return (
        f"<div class=scroll><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<h2>Messages</h2>{_messages(loop.messages())}"
        f"<h2>What was done</h2>{_steps(loop)}"
        f"<p class=note>The host's own page is <a href='{loop.host.url}/'>{loop.host.url}</a>.</p>"
    )


def _row(one: Seen) -> str:
    bill, machine = one.bill, one.machine
    declined = f"<br><span class=note>declined {bill.failures} times</span>" if bill.failures else ""
    ended = "<br><span class=note>the order is cancelled</span>" if bill.is_cancelled else ""
    awaits = f"<br><span class=note>{escape(machine.awaits)}</span>" if machine.awaits else ""
    return (
        f"<tr><th scope=row>{escape(bill.subscription)}</th>"
        f"<td>{escape(bill.name)}, {escape(bill.total)} {_state(bill.payment)}{declined}{ended}</td>"
        f"<td>{escape(machine.name)} {_state(machine.state)}<br><span class=note>{escape(machine.reason)}</span>{awaits}</td>"
        f"<td>{''.join(_buttons(one))}</td></tr>"
    )


def _buttons(one: Seen) -> Iterable[str]:
    """What may happen to a subscription, in the order of its life."""
    bill = one.bill
    offered = (
        ("fail", "a charge fail", bill.is_open),
        ("pay", "the customer pay", bill.is_open),
        ("end", "the order be cancelled", not bill.is_cancelled),
        ("confirm", "the host confirm the end", one.machine.may_be_confirmed),
    )
    for act, words, is_possible in offered:
        off = "" if is_possible else " disabled"
        yield (
            "<form method=post action=/do>"
            f"<input type=hidden name=subscription value='{escape(bill.subscription)}'>"
            f"<button name=act value={act}{off}>{words}</button></form>"
        )


def _messages(shown: Iterable[Shown]) -> str:
    rows = "".join(map(_message, shown))
    if not rows:
        return "<p class=note>None yet.</p>"
    heads = "".join(f"<th scope=col>{each}</th>" for each in ("message", "about", "says", "standing"))
    return f"<div class=scroll><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"


def _message(shown: Shown) -> str:
    message = shown.message
    standings = " ".join(_state(one.standing.value) for one in shown.sent)
    return (
        f"<tr><th scope=row>{escape(message.type.value)}</th>"
        f"<td>{escape(message.external_subscription_id or '')} #{message.sequence}</td>"
        f"<td>{escape(_says(json.loads(message.body)['data']))}</td><td>{standings}</td></tr>"
    )


def _says(data: dict[str, object]) -> str:
    """The few fields that a host decides by."""
    named = ("deployment_id", "reason", "attempt", "final", "settled_by", "amount", "currency", "period", "status")
    return ", ".join(f"{name.replace('_', ' ')} {_plain(data[name])}" for name in named if data.get(name) is not None)


def _plain(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _steps(loop: ControlLoop) -> str:
    last = loop.progress[-LAST_STEPS:]
    first = len(loop.progress) - len(last) + 1
    return f"<ol start={first}>{''.join(f'<li><code>{escape(each)}</code></li>' for each in last)}</ol>"


def _state(name: str) -> str:
    return f"<span class='state {_KINDS.get(name, 'bad')}'>{escape(name.replace('_', ' '))}</span>"
