"""Doing it: what each kind of fault does to one call.

Owns: the order of forwarding, harming and answering. Does not own: processes and databases (`outside`).
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

from fcb_pipelines_tests.faults.disturbance import Disturbance, Fault, Moment
from fcb_pipelines_tests.faults.outside import Outside
from fcb_pipelines_tests.faults.proxy import JSON2, Answer, Exchange, Harm

SERIALIZATION = "could not serialize access due to concurrent update"
LATER_SECONDS = 0.05
"""How long after we gave up an answer comes, or a call arrives."""


def drop_before(exchange: Exchange, _what: Disturbance) -> None:
    exchange.drop()


def drop_after(exchange: Exchange, _what: Disturbance) -> None:
    _quietly(exchange)
    exchange.drop()


def cut(exchange: Exchange, _what: Disturbance) -> None:
    exchange.cut(exchange.forward())


def reset(exchange: Exchange, what: Disturbance) -> None:
    if what.moment is not Moment.BEFORE:
        _quietly(exchange)
    exchange.reset()


def gateway(exchange: Exchange, what: Disturbance) -> None:
    """Only a 504 comes from a gateway that has sent the call on, and then it may be done."""
    if what.status == 504:
        _quietly(exchange)
    exchange.reply(Answer(status=what.status, kind="text/html", body=b"<html>somebody in between</html>"))


def change_key(exchange: Exchange, _what: Disturbance) -> None:
    exchange.proxy.is_key_wrong = True
    exchange.pass_on()


def twice(exchange: Exchange, _what: Disturbance) -> None:
    """What is between sends the call again, because the first was slow: both arrive, at the same time."""
    first = threading.Thread(target=_quietly, args=(exchange,))
    first.start()
    exchange.pass_on()
    first.join()


@dataclass(frozen=True, kw_only=True)
class Harms:
    """The harms that need something outside of the wire."""

    outside: Outside
    timeout_seconds: float
    """How long we wait for an answer."""

    def time_out(self, exchange: Exchange, what: Disturbance) -> None:
        """The call arrives in time or, where the way to the server was what hung, after we gave up."""
        if what.moment is Moment.BEFORE:
            time.sleep(self.timeout_seconds + LATER_SECONDS)
            _quietly(exchange)
        else:
            _quietly(exchange)
            time.sleep(self.timeout_seconds + LATER_SECONDS)
        exchange.drop()

    def kill_us(self, exchange: Exchange, what: Disturbance) -> None:
        self._at(exchange, what, self.outside.kill_us)

    def kill_server(self, exchange: Exchange, what: Disturbance) -> None:
        self._at(exchange, what, self.outside.kill_server)
        self.outside.start_server()

    def end_sessions(self, exchange: Exchange, what: Disturbance) -> None:
        self._at(exchange, what, self.outside.end_sessions)

    def hold_rows(self, exchange: Exchange, what: Disturbance) -> None:
        """Somebody else writes the same records; where they do not exist yet, the server is made to say that it lost."""
        model, method, _ = exchange.call.asked
        if method in {"write", "unlink"} and exchange.call.ids:
            is_hot = what.moment is Moment.DURING
            with self.outside.rows_held(model, exchange.call.ids, what.delay_seconds, is_hot):
                exchange.pass_on()
        else:
            exchange.reply(lost_race(exchange))

    def _at(self, exchange: Exchange, what: Disturbance, harm: Callable[[], None]) -> None:
        """Harm before the server gets the call, while it works on it, or once it has answered and we go on."""
        if what.moment is Moment.BEFORE:
            harm()
            exchange.pass_on()
        elif what.moment is Moment.DURING:
            with _soon(what.delay_seconds, harm):
                exchange.pass_on()
        else:
            exchange.pass_on()
            time.sleep(what.delay_seconds)
            harm()


class _soon:  # noqa: N801 - reads as what it does
    """Does something at a time in the middle of a block; the block's end waits for it."""

    def __init__(self, seconds: float, harm: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, harm)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.join()


def lost_race(exchange: Exchange) -> Answer:
    """What Odoo answers when it has tried five times: `load` says so in a message."""
    if exchange.call.asked[1] == "load":
        message = {"type": "error", "record": 0, "rows": {"from": 0, "to": 0}, "message": f"{SERIALIZATION}\n"}
        return _told(exchange, 200, {"result": {"ids": False, "messages": [message], "nextrow": 0}})
    data = {"name": "psycopg2.errors.SerializationFailure", "message": f"{SERIALIZATION}\n", "arguments": [], "context": {}}
    return _told(exchange, 500, {"error": {"code": 0, "message": "Odoo Server Error", "data": {**data, "debug": ""}}})


def _told(exchange: Exchange, status: int, envelope: Mapping[str, object]) -> Answer:
    """As JSON-RPC has it, in an envelope and always 200, or as JSON-2 has it: bare."""
    if exchange.call.path.startswith(JSON2):
        error = envelope.get("error")
        bare = error["data"] if isinstance(error, dict) else envelope["result"]
        return Answer(status=status, kind="application/json", body=json.dumps(bare).encode())
    whole = {"jsonrpc": "2.0", "id": json.loads(exchange.call.body).get("id"), **envelope}
    return Answer(status=200, kind="application/json", body=json.dumps(whole).encode())


def _quietly(exchange: Exchange) -> None:
    """Let the server have the call, whatever it says."""
    with suppress(OSError, HTTPException):
        exchange.forward()


def harm_of(fault: Fault, outside: Outside, timeout_seconds: float) -> Harm:
    """What to do for a kind of fault."""
    harms = Harms(outside=outside, timeout_seconds=timeout_seconds)
    known: Mapping[Fault, Harm] = {
        Fault.DROPPED_BEFORE: drop_before,
        Fault.DROPPED_AFTER: drop_after,
        Fault.TIMED_OUT: harms.time_out,
        Fault.CUT: cut,
        Fault.RESET: reset,
        Fault.GATEWAY: gateway,
        Fault.SERVER_KILLED: harms.kill_server,
        Fault.KILLED: harms.kill_us,
        Fault.BACKEND_KILLED: harms.end_sessions,
        Fault.HOT_ROW: harms.hold_rows,
        Fault.TWICE: twice,
        Fault.KEY_CHANGED: change_key,
    }
    return known[fault]
