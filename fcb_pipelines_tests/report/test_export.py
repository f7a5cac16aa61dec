"""A report as CSV and JSON: what spreadsheets and programs read."""

import csv
import io
import json

import pytest

from fcb_pipelines.domain.revisions import published
from fcb_pipelines.report import export
from fcb_pipelines_tests.builders import TORONTO
from fcb_pipelines_tests.report.material import HOSTILE, a_base, a_view, every_kind, row, unexplained


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_one_line_per_charge_with_the_amounts_of_the_json() -> None:
    base = a_base(*every_kind())
    told = read(export.as_csv(base))
    expected = [
        (each["row_id"], one["charge"], one["difference"], (one["expected"] or {}).get("net", ""), one["verdict"])
        for each in export.rows(base)
        for one in each["instances"]
    ]
    columns = ("row_id", "charge", "difference", "expected_net", "verdict")
    assert [tuple(each[name] for name in columns) for each in told] == expected
    assert len(told) == len(every_kind()) + 1


def test_it_is_rfc_4180() -> None:
    content = export.as_csv(a_base(row('a"b,c', unexplained(notes=("one\ntwo",)))))
    assert content.endswith(b"\r\n")
    assert b'"shop/2026-04/subscription/a""b,c"' in content
    assert read(content)[0]["notes"] == "one\ntwo"


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", *HOSTILE])
def test_no_text_is_a_formula(evil: str) -> None:
    line = read(export.as_csv(a_base(row("s1", unexplained(charge=evil)), partners={"u1": evil})))[0]
    for name in ("partner_name", "charge"):
        assert line[name].lstrip("'") == evil.lstrip("'")
        assert not line[name].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_an_amount_below_nothing_stays_a_number() -> None:
    line = read(export.as_csv(a_base(row("s1", unexplained("1.00", "-2.00")))))[0]
    assert (line["actual_net"], line["difference"]) == ("-2.00", "3.00")


def test_the_json_has_the_header_and_the_rows_as_every_other_reader_has_them() -> None:
    view = a_view(*every_kind())
    told = json.loads(export.as_json(view))
    assert told["rows"] == [published(one, service="shop", period="2026-04", zone=TORONTO) for one in every_kind()]
    assert (told["revision"], told["content_hash"], told["settings_hash"]) == (2, "c" * 64, "h")
    assert [one["against"] for one in told["objections"]] == ["unexplained", "no_successor", "fix_model", "coverage"]


def test_the_same_report_has_the_same_bytes() -> None:
    first, second = (dict(export.html(a_view(*every_kind()), lambda _row_id: ())) for _ in range(2))
    assert first == second
    assert export.as_csv(a_base(*every_kind())) == export.as_csv(a_base(*every_kind()))
