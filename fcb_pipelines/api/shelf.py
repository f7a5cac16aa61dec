"""Reports that were asked for lately: what hangs on a revision alone is worked out once.

Owns: how many are kept, and that two who ask at once wait for one. Does not own: what a report is (report), who may see it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from fcb_pipelines.acts import report as acts
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.report import pictures
from fcb_pipelines.report.view import Shape, View, shape, view
from fcb_pipelines.store.database import Connection

MOST_KEPT = 4
_Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    shape: Shape
    pictures: dict[str, bytes] = field(default_factory=dict)


class Shelf:
    """The reports of a server, for any number of threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def view(self, conn: Connection, work: PeriodWork) -> View | None:
        """The report of a period as it is now; None where it was never reconciled."""
        revision = acts.newest(conn, work.service, work.period.key)
        if revision is None:
            return None
        key = _key(work, revision.revision_id)
        kept = self._once(key, lambda: _Kept(shape(acts.base(conn, work, revision))))
        return view(kept.shape, acts.material(conn, kept.shape.base, settings_hash=work.settings_hash, now=work.now))

    def picture(self, found: View, name: str) -> bytes | None:
        """A picture of a report; None where it has none of that name."""
        drawings = {
            each: partial(pictures.drawn, figures, *kind)
            for figures in found.shape.figures
            for each, kind in pictures.names(figures).items()
        }
        return self._drawn(found.shape, name, drawings[name]) if name in drawings else None

    def _once(self, key: _Key, make: Callable[[], _Kept]) -> _Kept:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _drawn(self, found: Shape, name: str, draw: Callable[[], bytes]) -> bytes:
        # One at a time: the library's settings are those of the whole process.
        with self._lock:
            kept = next((each for each in self._kept.values() if each.shape is found), None)
            if kept is None:
                return draw()
            if name not in kept.pictures:
                kept.pictures[name] = draw()
            return kept.pictures[name]


def _key(work: PeriodWork, revision_id: int) -> _Key:
    return work.service.code, revision_id, work.settings_hash
