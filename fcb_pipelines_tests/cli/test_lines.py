"""`fcb lines` on the demo: for people and for programs."""

from decimal import Decimal

from fcb_pipelines_tests.acceptance.fixtures import Demo


def test_the_demo_has_one_line_that_no_rule_catches(demo: Demo) -> None:
    found = demo.project.fcb("lines", "--json").answer
    assert (found["service"], found["period"]) == ("nexacloud", None)
    assert [rule["number"] for rule in found["rules"] if not rule["lines"]] == [], "each rule of the project's file is needed"
    (manual,) = found["unknown"]
    assert (manual["description"], manual["lines"], manual["net"]) == ("Manual fee", 1, {"CAD": "85.00"})
    places = [*found["rules"], *found["unknown"], *found["not_ruled"]]
    billed = sum(Decimal(month["net"]["CAD"]) for month in demo.register["months"])
    assert sum(Decimal(net) for one in places for net in one["net"].values()) == billed, "all money is in one place"


def test_people_read_patterns_letter_by_letter(demo: Demo) -> None:
    done = demo.project.fcb("lines", "--period", "2026-05")
    assert done.code == 0
    assert "Line rules of nexacloud 2026-05" in done.out
    assert "^(Remaining|Unused) time on" in done.out
