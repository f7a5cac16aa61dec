"""`python -m fcb_host`: send, and look after what was refused, from a shell, cron or systemd.

Owns: the commands of sending and what they print; those of the receiver are in receiver/command. Configured by the environment
alone. Exit codes: 0 done, 1 something still waits or could not be done, 2 wrong use or settings. Does not own: anything else.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone

from fcb_host.client import UsageClient
from fcb_host.errors import HostError, InvalidSettings
from fcb_host.holding import HOLDS
from fcb_host.receiver import command as receiver
from fcb_host.refusals import GivenUp
from fcb_host.settings import from_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        if given.command == "receiver":
            return receiver.run(given, os.environ, datetime.now(timezone.utc))
        return _send_or_see(given)
    except InvalidSettings as fault:
        print(fault, file=sys.stderr)
        return 2
    except HostError as fault:
        print(fault, file=sys.stderr)
        return 1


def _send_or_see(given: argparse.Namespace) -> int:
    settings = replace(from_environment(os.environ), sends_in_background=False)
    if not settings.is_enabled:
        print("fcb_host is off (FCB_HOST_ENABLED)")
        return 0
    with UsageClient(settings) as client:
        return _run(client, given)


def _run(client: UsageClient, given: argparse.Namespace) -> int:
    match given.command:
        case "send":
            client.flush(given.timeout, ignores_pause=given.now)
            return _status(client)
        case "status":
            return _status(client)
        case "refused":
            return _refused(client)
        case "retry":
            return _said("to be sent again", client.retry(None if given.all else given.number), given)
        case "give-up":
            return _given_up(client.give_up(given.code, subscription=given.subscription))
        case _:
            return _said("dropped", client.drop(given.number), given)


def _status(client: UsageClient) -> int:
    status = client.status()
    print(json.dumps(asdict(status), default=str))
    return 0 if status.queued == status.held and not status.refused else 1


def _refused(client: UsageClient) -> int:
    after = 0
    while page := client.refused(after=after):
        for one in page:
            print(json.dumps(asdict(one), default=str, ensure_ascii=False))
        after = page[-1].number
    return 0


def _given_up(done: GivenUp) -> int:
    why = f"; {done.left} left, because it is not known whether they are stored: send, then give up what is still held"
    print(f"{done.refused} refused{why if done.left else ''}")
    return 1 if done.left else 0


def _said(what: str, count: int, given: argparse.Namespace) -> int:
    print(f"{count} {what}")
    return 0 if getattr(given, "all", False) or count == len(given.number) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fcb_host", description="Send recorded usage, and see to what was refused and what was received."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="send what waits, then print the status")
    send.add_argument("--timeout", type=float, default=50.0, help="seconds to go on for (50)")
    send.add_argument("--now", action="store_true", help="try at once, whatever pause the last failure asked for")
    commands.add_parser("status", help="how it stands, as one line of JSON")
    commands.add_parser("refused", help="the events that wait for a person, one line of JSON each")
    retry = commands.add_parser("retry", help="send refused events again")
    chosen = retry.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--all", action="store_true", help="all of them")
    chosen.add_argument("number", type=int, nargs="*", default=[], help="their numbers")
    give_up = commands.add_parser("give-up", help="refuse now what is held for a code, so that it can be dropped")
    give_up.add_argument("code", choices=sorted(HOLDS), help="what it is held for")
    give_up.add_argument("--subscription", help="only of this one")
    drop = commands.add_parser("drop", help="forget refused events, for good")
    drop.add_argument("number", type=int, nargs="+", help="their numbers")
    receiver.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
