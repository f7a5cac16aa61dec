"""`python -m fcb_host receiver …`: act, and see to what waits for a person.

Owns: the commands and what they print. Exit codes: 0 done, 1 something waits for a person or could not be done, 2 wrong use or
settings. Does not own: what they do (acting, operating).
"""

import argparse
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from fcb_host.errors import NotPossible
from fcb_host.receiver import inbox, opening, operating
from fcb_host.receiver.inbox import FOR_A_PERSON, Entry, Standing
from fcb_host.receiver.rereading import read_again
from fcb_host.receiver.settings import WebhookSettings, webhooks_from_environment
from fcb_host.receiver.storage import Storage, Transaction

_MOST_SHOWN = 2_000


def add_commands(commands: Any) -> None:
    """Put `receiver` and its commands among those of `python -m fcb_host`."""
    receiver = commands.add_parser("receiver", help="what came from the central side: act on it, and see to it")
    each = receiver.add_subparsers(dest="receiver_command", required=True)
    each.add_parser("status", help="how it stands, as one line of JSON")
    act = each.add_parser("act", help="act on what waits")
    act.add_argument("--now", action="store_true", help="try again at once what failed")
    for name, told in (
        ("confirm", "deprovision an ended deployment whose grace period is over"),
        ("withdraw", "take a termination back"),
    ):
        command = each.add_parser(name, help=told)
        command.add_argument("deployment")
        _add_name(command)
    each.add_parser("held", help="what is beyond the cap, one line of JSON each")
    each.add_parser("parked", help="what nobody here could act on, one line of JSON each")
    _add_numbers(each.add_parser("release", help="let what is held through the cap"), with_all=True)
    again = each.add_parser("read-again", help="read parked messages again, once what was missing is there")
    _add_numbers(again, with_all=True)
    again.add_argument("--deployment", default="", help="what those are about that name none; with numbers")
    _add_numbers(each.add_parser("dismiss", help="show parked messages no longer"), with_all=False)
    forget = each.add_parser("forget", help="remove old messages")
    forget.add_argument("--days", type=int, required=True, help="older than so many days, at least 90")


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument("--as", dest="who", required=True, metavar="NAME", help="who decides this")


def _add_numbers(command: argparse.ArgumentParser, *, with_all: bool) -> None:
    chosen = command.add_mutually_exclusive_group(required=True)
    if with_all:
        chosen.add_argument("--all", action="store_true", help="all of them")
    chosen.add_argument("number", type=int, nargs="*", default=[], help="their numbers")
    _add_name(command)


def run(given: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> int:
    """Run one command; answers the exit code. Raises HostError."""
    settings = webhooks_from_environment(environment)
    if not settings.is_enabled:
        print("the receiver is off (FCB_HOST_WEBHOOK_ENABLED)")
        return 0
    storage = opening.storage(settings)
    if given.receiver_command == "act":
        return _act(settings, storage, given, now)
    with storage.transaction() as tx:
        return _run(tx, given, now, settings.service)


def _act(settings: WebhookSettings, storage: Storage, given: argparse.Namespace, now: datetime) -> int:
    worker = opening.worker(settings, storage)
    if given.now:
        with storage.transaction() as tx:
            inbox.hurry(tx, now=now)
    done = Counter(each.value for each in worker.run(now))
    print(json.dumps(done, sort_keys=True))
    with storage.transaction() as tx:
        return int(operating.status(tx, now=now).needs_a_person)


def _run(tx: Transaction, given: argparse.Namespace, now: datetime, service: str) -> int:
    match given.receiver_command:
        case "status":
            return _status(tx, now)
        case "held" | "parked" as wanted:
            return _listed(tx, [Standing.HELD] if wanted == "held" else FOR_A_PERSON)
        case "confirm" | "withdraw":
            print(_ended(tx, given, now))
            return 0
        case "release" | "dismiss" | "read-again":
            return _chosen(tx, given, now, service)
        case _:
            return _said("forgotten", operating.forget(tx, older_than=timedelta(days=given.days), now=now), None)


def _chosen(tx: Transaction, given: argparse.Namespace, now: datetime, service: str) -> int:
    """What is done with some of the messages, or with all."""
    who, numbers = given.who, None if getattr(given, "all", False) else given.number
    if given.receiver_command == "release":
        return _said("released", operating.release(tx, numbers, who=who, now=now), numbers)
    if given.receiver_command == "dismiss":
        return _said("dismissed", operating.dismiss(tx, given.number, who=who, now=now), numbers)
    if given.all and given.deployment:
        raise NotPossible("--deployment is for messages of one subscription: give their numbers instead of --all")
    count = read_again(tx, numbers, who=who, service=service, deployment=given.deployment, now=now)
    return _said("read again", count, numbers)


def _ended(tx: Transaction, given: argparse.Namespace, now: datetime) -> str:
    if given.receiver_command == "withdraw":
        return f"{given.deployment} is {operating.withdraw(tx, given.deployment, who=given.who, now=now).value} again"
    operating.confirm(tx, given.deployment, who=given.who, now=now)
    return f"{given.deployment} is deprovisioned by the next run"


def _status(tx: Transaction, now: datetime) -> int:
    status = operating.status(tx, now=now)
    print(json.dumps(asdict(status), default=str))
    return int(status.needs_a_person)


def _listed(tx: Transaction, standings: Collection[Standing]) -> int:
    after = 0
    while page := inbox.listed(tx, standings, after=after):
        for one in page:
            print(json.dumps(_shown(one), default=_plain, ensure_ascii=False))
        after = page[-1].number
    return 0


def _shown(one: Entry) -> dict[str, Any]:
    return asdict(one) | {"body": one.body[:_MOST_SHOWN].decode("utf-8", "replace")}


def _plain(value: object) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)


def _said(what: str, count: int, numbers: Collection[int] | None) -> int:
    print(f"{count} {what}")
    return 0 if numbers is None or count == len(set(numbers)) else 1
