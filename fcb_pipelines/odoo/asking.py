"""Which questions to Odoo are asked again when they fail, how often, and after which pause.

Owns: the retry policy of every transport. What a failure means is in `faults`; what is asked is in the transports.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fcb_pipelines.domain.errors import OutcomeUnknown, RolledBack, TimedOut

Answer = TypeVar("Answer")

READS = frozenset(
    {
        "check_access_rights",
        "check_object_reference",
        "context_get",
        "default_get",
        "fields_get",
        "formatted_read_group",
        "get_external_id",
        "get_metadata",
        "has_access",
        "has_group",
        "name_search",
        "read",
        "read_group",
        "search",
        "search_count",
        "search_read",
    }
)
"""Methods that change nothing, so that an unknown outcome may simply be asked for again."""

PAUSES_SECONDS = (0.2, 0.8, 2.0)
"""How long to wait before each further attempt; there are as many further attempts as pauses."""


def spread(seconds: float) -> float:
    """Half to one and a half of a pause, so that those who met once do not meet again."""
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 (no secret hangs on it)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Asks until answered: again what surely did nothing, and what may have done something only if it may be done twice."""

    pauses_seconds: Sequence[float] = PAUSES_SECONDS
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float], float] = spread

    def ask(self, question: Callable[[], Answer], *, is_repeatable: bool, is_divisible: bool = False) -> Answer:
        """The answer; raises the last of `RolledBack` and `OutcomeUnknown` when no attempt is left, and `Refused` at once.

        Of a divisible question whoever asks can ask a part: where it timed out it is theirs at once, because the server may
        still be at it, and the same again would only add to that.
        """
        for pause_seconds in self.pauses_seconds:
            try:
                return question()
            except RolledBack:
                self.sleep(self.jitter(pause_seconds))
            except OutcomeUnknown as failure:
                if not is_repeatable or (is_divisible and isinstance(failure, TimedOut)):
                    raise
                self.sleep(self.jitter(pause_seconds))
        return question()
