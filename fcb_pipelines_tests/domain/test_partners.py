"""Partners: which partner in Odoo a user is, and where it is taxed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.links import LinkFacts, account_link, made_link, merged
from fcb_pipelines.domain.partners import AccountLink, LinkState, User, address, normalized_email, shared_emails
from fcb_pipelines_tests.acts.source_records import a_user

ANN = a_user("u1", email="Ann@Maple.example")
EMAIL = "ann@maple.example"
BEFORE = AccountLink(external_user_id="u1", state=LinkState.LINKED, odoo_id=7, reason="before")


@pytest.mark.parametrize(
    ("facts", "state", "odoo_id", "reason"),
    [
        (LinkFacts(), "unlinked", None, "no partner in Odoo has this e-mail"),
        (LinkFacts(sharing={EMAIL: (5,)}), "linked", 5, "the only partner in Odoo"),
        (LinkFacts(sharing={EMAIL: (6, 5)}), "ambiguous", None, "partners 5, 6 in Odoo share"),
        (LinkFacts(previous={"u1": BEFORE}, existing=frozenset({7}), sharing={EMAIL: (5, 6)}), "linked", 7, "before"),
        (LinkFacts(previous={"u1": BEFORE}, sharing={EMAIL: (5,)}), "linked", 5, "the only partner"),
        (LinkFacts(named={"u1": 8}, existing=frozenset({8}), sharing={EMAIL: (5,)}), "linked", 8, "it carries our external id"),
        (LinkFacts(named={"u1": 8}, previous={"u1": BEFORE}, existing=frozenset({7, 8})), "linked", 7, "before"),
        (
            LinkFacts(named={"u1": 8}, previous={"u1": BEFORE}, existing=frozenset({8})),
            "linked",
            8,
            "it carries our external id",
        ),
        (LinkFacts(named={"u1": 8}, made={"u1": 3}, existing=frozenset({8})), "linked", 3, "made by the import"),
        (LinkFacts(named={"u1": 8}, sharing={EMAIL: (5,)}), "linked", 5, "the only partner"),
        (LinkFacts(made={"u1": 3}, previous={"u1": BEFORE}, existing=frozenset({7})), "linked", 3, "made by the import"),
        (LinkFacts(shared={EMAIL: ("u1", "u2")}, made={"u1": 3}), "ambiguous", None, "users u1, u2 share e-mail"),
        (
            LinkFacts(declared={"u1": 9}, existing=frozenset({9}), shared={EMAIL: ("u1", "u2")}, made={"u1": 3}),
            "linked",
            9,
            "declared in fcb.toml",
        ),
        (LinkFacts(declared={"u1": 3}, existing=frozenset({3}), made={"u1": 3}), "linked", 3, "made by the import"),
        (LinkFacts(merged={"u1": 4}, previous={"u1": BEFORE}, existing=frozenset({7})), "linked", 4, "merged in Odoo"),
        (LinkFacts(merged={"u1": 4}, declared={"u1": 9}, existing=frozenset({9})), "linked", 9, "declared in fcb.toml"),
        (LinkFacts(declared={"u1": 9}, made={"u1": 3}), "ambiguous", None, "partner 9 under account_links"),
        (LinkFacts(declared={"u2": 9}, existing=frozenset({9})), "unlinked", None, "no partner"),
    ],
)
def test_the_first_that_speaks_decides(facts: LinkFacts, state: str, odoo_id: int | None, reason: str) -> None:
    found = account_link(ANN, facts)
    assert (found.state, found.odoo_id) == (state, odoo_id)
    assert reason in found.reason


def test_an_ambiguous_link_of_before_is_decided_again() -> None:
    before = AccountLink(external_user_id="u1", state=LinkState.AMBIGUOUS, candidates=(5, 6), reason="two")
    assert account_link(ANN, LinkFacts(previous={"u1": before}, sharing={EMAIL: (5,)})).odoo_id == 5


def test_a_user_without_an_e_mail_is_never_linked_by_it() -> None:
    facts = LinkFacts(sharing={"": (5,)}, shared={})
    assert account_link(a_user("u1", email=None), replace(facts, sharing={EMAIL: (5,)})).state is LinkState.UNLINKED


@pytest.mark.parametrize(
    ("present", "stored", "existing", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {1, 2}, {}),
        ({"a": 1}, {}, set(), {}),
        ({"a": 7}, {"a": 1}, set(), {"a": 7}),
        ({"a": 7}, {"a": 1}, {1}, {}),
        ({"a": 1, "b": 1, "c": 3}, {"a": 1, "b": 2}, {1}, {"a": 1, "b": 1}),
        ({"a": 1, "b": 1}, {}, set(), {"a": 1, "b": 1}),
    ],
)
def test_external_ids_that_moved_tell_of_a_merge(
    present: dict[str, int], stored: dict[str, int], existing: set[int], expected: dict[str, int]
) -> None:
    assert merged(present, stored, existing) == expected


def test_a_partner_that_we_made_is_linked() -> None:
    assert (made_link("u1", 3).state, made_link("u1", 3).odoo_id) == (LinkState.LINKED, 3)


@pytest.mark.parametrize(
    ("email", "expected"),
    [(" Ann@Maple.EXAMPLE ", EMAIL), ("", None), (None, None), ("not an address", None)],
)
def test_e_mails_are_compared_without_case_and_space(email: str | None, expected: str | None) -> None:
    assert normalized_email(email) == expected


@given(emails=st.lists(st.sampled_from(["a@x.example", "A@X.example", "b@x.example", "B@x.EXAMPLE", "", None]), max_size=6))
def test_a_shared_e_mail_names_all_who_claim_it(emails: list[str | None]) -> None:
    users = [a_user(f"u{index}", email=email) for index, email in enumerate(emails)]
    shared = shared_emails(users)
    for user in users:
        same = [other for other in users if normalized_email(other.email) == normalized_email(user.email)]
        claimed = shared.get(normalized_email(user.email) or "", ())
        assert (user.external_user_id in claimed) == (len(same) > 1 and normalized_email(user.email) is not None)


@pytest.mark.parametrize(
    ("country", "state", "default", "expected"),
    [
        ("CA", "ON", "CA-QC", ("CA", "CA-ON")),
        ("CA", None, "CA-QC", ("CA", None)),
        (None, None, "CA-QC", ("CA", "CA-QC")),
        (None, None, "CA", ("CA", None)),
        (None, None, None, (None, None)),
    ],
)
def test_the_attested_place_is_for_those_without_any(
    country: str | None, state: str | None, default: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert address(a_user(country=country, state=state), default) == expected


def test_a_state_without_a_country_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has state ON but no country"):
        address(a_user(country=None, state="ON"), "CA-ON")


def test_a_user_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match="has no name"):
        a_user(name="  ")
    assert isinstance(a_user(name="x"), User)
