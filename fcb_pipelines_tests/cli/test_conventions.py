"""`fcb conventions` on the demo: what its bills follow, for programs and for people."""

from fcb_pipelines_tests.acceptance.fixtures import PERIODS, Demo


def test_the_demo_bills_parts_by_calendar_days(demo: Demo) -> None:
    found = demo.project.fcb("conventions", "--json").answer
    assert (found["service"], found["periods"], found["set_aside"]) == ("nexacloud", list(PERIODS), [])
    (own,) = found["families"]
    assert (own["family"], own["declared"], own["proposal"]) == ("", "none", "calendar_days")
    assert (own["misfits"], own["more_needed"], own["deciding"]) == ([], 0, [])
    assert own["settings"] == '[services.nexacloud.conventions]\nproration = "calendar_days"'
    assert own["adopt"].endswith("--service nexacloud --convention proration=calendar_days")
    assert all(row["in_sample"] and row["predicted"]["calendar_days"] == row["billed"] for row in own["rows"])
    assert [row["billed"] for row in own["rows"]].count("9.14") == 4, "those that have the start and the interval on record"


def test_people_read_a_sentence_and_what_to_write(demo: Demo) -> None:
    done = demo.project.fcb("conventions")
    assert done.code == 0
    assert "none is declared. All 11 bills follow calendar_days and no other convention." in done.out
    assert '[services.nexacloud.conventions]\nproration = "calendar_days"' in done.out
