"""The eye of the experiment: a careless import is caught, and so is each other way in which an end can be wrong."""

from contextlib import suppress

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.faults.conftest import Played
from fcb_pipelines_tests.faults.disturbance import Fault
from fcb_pipelines_tests.faults.ending import ORDER, PARTNER, Ending, Verdict, ending, verdict
from fcb_pipelines_tests.faults.harm import harm_of
from fcb_pipelines_tests.faults.proxy import between
from fcb_pipelines_tests.faults.report import HEADINGS, table
from fcb_pipelines_tests.faults.rounds import Round, service
from fcb_pipelines_tests.faults.test_harm import NOTHING, planned

ONE, OTHER = (PARTNER, "u1"), (ORDER, "s1")
EXPECTED = Ending(records={ONE: ("a",), OTHER: ("b",)}, stored=("c",))


@pytest.mark.parametrize(
    ("seen", "duplicates", "lost", "different"),
    [
        (EXPECTED, 0, 0, 0),
        (Ending(records={ONE: ("a", "a"), OTHER: ("b",)}, stored=("c",)), 1, 0, 0),
        (Ending(records={ONE: ("a",), OTHER: ("b",), (PARTNER, "u2"): ("x", "y")}, stored=("c",)), 2, 0, 0),
        (Ending(records={ONE: ("a",)}, stored=("c",)), 0, 1, 0),
        (Ending(records={ONE: ("a",), OTHER: ("another",)}, stored=("c",)), 0, 0, 1),
        (Ending(records=EXPECTED.records, stored=()), 0, 0, 1),
        (Ending(records=EXPECTED.records, stored=("c", "c")), 0, 0, 1),
    ],
)
def test_each_way_to_be_wrong_is_told_from_the_others(seen: Ending, duplicates: int, lost: int, different: int) -> None:
    found = verdict(seen, EXPECTED)
    assert (len(found.duplicates), len(found.lost), len(found.different)) == (duplicates, lost, different)
    assert found.is_right == (seen == EXPECTED)


def test_an_import_that_creates_without_an_external_id_is_caught(on_sandbox: Played) -> None:
    bench, _ = on_sandbox
    with service(bench) as code:
        there = connect(bench.admin.url, bench.admin.database, bench.admin.user, bench.admin.key)
        before = ending(there, Database(bench.store_url), code)
        with between(bench.admin.url, bench.admin.key) as proxy:
            proxy.arm(planned(Fault.DROPPED_AFTER), harm_of(Fault.DROPPED_AFTER, NOTHING, 1.0))
            careless = connect(proxy.url, bench.admin.database, bench.admin.user, bench.admin.key)
            for _ in range(2):
                with suppress(OutcomeUnknown):
                    careless.call(PARTNER, "create", {"name": f"{code} customer u1", "ref": "u1"})
        found = verdict(ending(there, Database(bench.store_url), code), before)
    assert found.duplicates == (ONE, ONE)


def test_the_report_has_a_line_a_kind_and_the_sums() -> None:
    wrong = Verdict(duplicates=(ONE,), lost=(OTHER, OTHER), different=())
    rounds = [
        Round(what=planned(fault), ended=(), disturbed=2, retried=1, again=0, verdicts={"import": wrong})
        for fault in (Fault.CUT, Fault.CUT, Fault.TWICE)
    ]
    headings, cut, twice, total = table(rounds)
    assert headings.split()[0] == HEADINGS[0]
    assert cut.removeprefix(Fault.CUT.value).split() == ["2", "4", "2", "-2", "2", "4", "0"]
    assert twice.removeprefix(Fault.TWICE.value).split() == ["1", "2", "1", "-1", "1", "2", "0"]
    assert total.removeprefix("all").split() == ["3", "6", "3", "-3", "3", "6", "0"]
