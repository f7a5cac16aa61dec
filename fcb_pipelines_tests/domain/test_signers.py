"""Secrets of signers: their form, who may approve what was signed with one, and when wrong ones are too many."""

from datetime import timedelta

import pytest

from fcb_pipelines.domain import access
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.signers import MOST_WRONG, checked_name, new_secret, read_secret, wait_seconds, why_not_approve
from fcb_pipelines_tests.signed import NOW, a_decision

SECRET = new_secret(bytes(range(32)))
KEY = access.new_key(bytes(range(32)))


def test_a_secret_is_read_back_and_is_in_no_repr() -> None:
    assert read_secret(f" {SECRET.text}\n") == SECRET
    assert SECRET.text not in repr(SECRET)
    assert SECRET.text.startswith("fcbsign_")


def test_a_secret_is_no_key_and_a_key_no_secret() -> None:
    assert read_secret(KEY.text) is None
    assert access.parsed(SECRET.text) is None
    assert read_secret(KEY.text.replace("fcb_", "fcbsign_")) is None, "the checksum is of the prefix too"


@pytest.mark.parametrize("text", ["", "x", SECRET.text[:-1], SECRET.text + "x", SECRET.text.swapcase(), "fcbsign_"])
def test_what_is_mistyped_is_no_secret(text: str) -> None:
    assert read_secret(text) is None


@pytest.mark.parametrize("name", ["", "  ", "\N{ZERO WIDTH SPACE}", "a\nb", "a\0", "\ud800", "x" * 101])
def test_a_name_can_be_read(name: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 100 printable characters"):
        checked_name(name)
    assert checked_name(" Ada Lovelace ") == "Ada Lovelace"


@pytest.mark.parametrize(
    ("approver", "author_secret_by", "approver_secret_by", "said"),
    [
        ("grace", None, None, None),
        ("grace", "root", "root", None),
        ("grace", "root", None, None),
        ("ada", None, None, "ada wrote D-1"),
        (" ADA\N{ZERO WIDTH SPACE}", "root", "root", "ada wrote D-1"),
        ("", None, None, "ada wrote D-1"),
        ("grace", "Grace", None, "grace made the secret that ada signed D-1 with"),
        ("grace", "grace", "root", "grace made the secret that ada signed D-1 with"),
        ("grace", None, "ADA", "ada wrote D-1 and made the secret of grace"),
        ("grace", "root", "ada", "ada wrote D-1 and made the secret of grace"),
    ],
)
def test_a_decision_and_its_approval_are_of_two_people(
    approver: str, author_secret_by: str | None, approver_secret_by: str | None, said: str | None
) -> None:
    found = why_not_approve(a_decision(secret_made_by=author_secret_by), approver, approver_secret_by)
    assert found == (said and f"{said}, so somebody else must approve it")


@pytest.mark.parametrize(
    ("seconds_ago", "waits"),
    [
        ([], 0),
        ([1] * (MOST_WRONG - 1), 0),
        ([60] + [1] * (MOST_WRONG - 1), 0),
        ([59] + [1] * (MOST_WRONG - 1), 1),
        ([0] * MOST_WRONG, 60),
        ([50, 40, 30, 20, 10], 10),
        ([50, 40, 30, 20, 10, 5], 20),
    ],
)
def test_so_many_wrong_ones_a_minute(seconds_ago: list[int], waits: int) -> None:
    assert wait_seconds([NOW - timedelta(seconds=each) for each in seconds_ago], NOW) == waits
