"""Read-backs: the last one of each part and period counts, and takes the place of the one before."""

from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.store import read_back
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.read_back import ReadBack
from fcb_pipelines_tests.conftest import NOW

QUANTITY = Difference(external_id="fcb.demo_invoice_1", field="quantity", sent="1.234567", stored="1.23", why="two digits")
CURRENCY = Difference(external_id="fcb.demo_invoice_1", field="currency", sent="CAD", stored=None, why="no price list")


def done(part: Part = Part.DRAFT_INVOICES, period: str = "2026-05", records: int = 3) -> ReadBack:
    return ReadBack(part=part, period=period, records=records, read_at=NOW)


def test_nothing_was_read_back_yet(conn: Connection) -> None:
    assert read_back.last(conn, "demo", Part.PARTNERS) is None
    assert read_back.differences(conn, "demo", Part.PARTNERS) == ()


def test_what_was_found_is_kept_by_record_and_field(conn: Connection) -> None:
    read_back.replace(conn, "demo", done(), [QUANTITY, CURRENCY])
    assert read_back.last(conn, "demo", Part.DRAFT_INVOICES, "2026-05") == done()
    assert read_back.differences(conn, "demo", Part.DRAFT_INVOICES, "2026-05") == (CURRENCY, QUANTITY)


def test_the_next_one_takes_its_place_and_no_others(conn: Connection) -> None:
    read_back.replace(conn, "demo", done(), [QUANTITY])
    read_back.replace(conn, "demo", done(period="2026-04"), [CURRENCY])
    read_back.replace(conn, "other", done(), [CURRENCY])
    read_back.replace(conn, "demo", done(records=5), [])
    assert read_back.last(conn, "demo", Part.DRAFT_INVOICES, "2026-05") == done(records=5)
    assert read_back.differences(conn, "demo", Part.DRAFT_INVOICES, "2026-05") == ()
    assert read_back.differences(conn, "demo", Part.DRAFT_INVOICES, "2026-04") == (CURRENCY,)
    assert read_back.differences(conn, "other", Part.DRAFT_INVOICES, "2026-05") == (CURRENCY,)
