"""A round: messages about some deployments, sent shuffled and repeated through deaths, and what must be left in the end."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fcb_host.receiver import deployments, inbox
from fcb_host.receiver.inbox import Standing
from fcb_pipelines_tests.forks import FORKS, needs
from fcb_pipelines_tests.receiver import dying
from fcb_pipelines_tests.receiver.dying import Fate
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, PAID, Request, request

EFFECTS = "CREATE TABLE effect (what text, deployment text, message text)"
SCENES = {
    "suspended": ((FAILED, 1),),
    "restored": ((FAILED, 1), (PAID, 2)),
    "again": ((FAILED, 1), (PAID, 2), (FAILED, 3)),
    "ended": ((FAILED, 1), (ENDED, 2)),
}
"""What is said of a deployment, by the name that it begins with."""
ENDS = {"suspended": "suspended", "restored": "active", "again": "suspended", "ended": "ended"}
HALF = 0.5
LAST = {"suspended": {"suspend"}, "active": {"nothing", "restore"}}
"""What was done last with a deployment that stands so."""
needs(dying.__name__)


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a round left behind."""

    deaths: int
    states: dict[str, str]
    effects: Counter[tuple[str, str, str]]
    """What was done in the database: act, deployment, message."""
    outside: list[tuple[str, str, str]]
    """The same outside of it, in order."""
    stored: set[str]
    waiting: int
    answered: set[str]
    sent: set[str]


def said(chance: random.Random, count: int = 6) -> list[Request]:
    """The messages of some deployments, in a chance order, some of them twice."""
    told = []
    for number in range(count):
        scene = chance.choice(list(SCENES))
        name = f"{scene}-{number}"
        for type_, sequence in SCENES[scene]:
            told.append(
                request(f"{name}_{sequence}", type_, sequence=sequence, deployment_id=name, external_subscription_id=name)
            )
    told += chance.sample(told, 4)
    chance.shuffle(told)
    return told


def play(place: str, folder: Path, seed: int, *, deaths: int = 3) -> Left:
    """Kill the receiver at chance points, send again until one life comes to its end, and look."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    requests = said(chance)
    storage = dying.storage(place)
    with storage.transaction() as tx:
        tx.change(EFFECTS)
    died = 0
    for _ in range(deaths):
        # A sender sends again what was not answered; now and then also what was, because its own crash forgot that.
        died += _life(place, folder, _unanswered(folder, requests, chance), _fate(chance)) == -9
    assert _life(place, folder, _unanswered(folder, requests, chance), Fate(None)) == 0
    return left(place, folder, requests, died)


def _unanswered(folder: Path, requests: Sequence[Request], chance: random.Random) -> list[Request]:
    answered = set(dying.noted(folder / dying.ANSWERED))
    return [each for each in requests if each.headers["webhook-id"] not in answered or chance.random() < 0.2]


def _fate(chance: random.Random) -> Fate:
    """An end anywhere, or, as often, around an act of the host: these are few, and what they may leave is worst."""
    return Fate(chance.randrange(1, 260)) if chance.random() < HALF else Fate(chance.randrange(1, 10), of_acts=True)


def _life(place: str, folder: Path, requests: Sequence[Request], fate: Fate) -> int | None:
    process = FORKS.Process(target=dying.live, args=(place, folder, requests, fate))
    process.start()
    process.join()
    return process.exitcode


def left(place: str, folder: Path, requests: Sequence[Request], deaths: int = 0) -> Left:
    """What is there now."""
    outside = [line.split(" ") for line in dying.noted(folder / dying.OUTSIDE)]
    with dying.storage(place).transaction() as tx:
        kept = inbox.listed(tx, list(Standing))
        return Left(
            deaths=deaths,
            states={each.deployment_id: each.state.value for each in deployments.listed(tx)},
            effects=Counter((what, name, key) for what, name, key in tx.rows("SELECT what, deployment, message FROM effect")),
            outside=[(what, name, key) for what, name, key in outside],
            stored={each.message_id for each in kept},
            waiting=sum(each.standing is Standing.WAITING for each in kept),
            answered=set(dying.noted(folder / dying.ANSWERED)),
            sent={each.headers["webhook-id"] for each in requests},
        )


def judge(found: Left) -> None:
    """Nothing lost, nothing done twice in the database, everything done at least once outside, and each where it belongs."""
    assert found.answered == found.stored == found.sent
    assert found.waiting == 0
    assert found.states == {name: ENDS[name.rpartition("-")[0]] for name in found.states}
    assert len(found.states) == len({each.rpartition("_")[0] for each in found.sent})
    assert set(found.effects.values()) <= {1}
    # What was done in the database was done outside, with the same key; outside perhaps more often.
    assert set(found.effects) <= set(found.outside)
    for name, state in found.states.items():
        _judge_acts(name, state, found)


def _judge_acts(name: str, state: str, found: Left) -> None:
    acts = Counter(what for what, deployment, _ in found.effects if deployment == name)
    if name.startswith("suspended"):
        assert acts == {"suspend": 1}
    if state in LAST:
        # Outside too, where an act may have happened that the database knows nothing of.
        *_, last = ["nothing", *(what for what, deployment, _ in found.outside if deployment == name)]
        assert last in LAST[state]
