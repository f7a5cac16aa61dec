"""Partners against each Odoo: made once, linked by e-mail where they were there before, never guessed at."""

import re
from dataclasses import replace

import pytest

from fcb_pipelines.acts.partners import import_partners
from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.domain.imports import Action
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.store.partners import links
from fcb_pipelines_tests.acts.chain import Chain, counts, reasons
from fcb_pipelines_tests.acts.source_records import a_subscription, a_user, an_invoice, records

FIELDS = ("name", "email", "company_name", "ref", "country_id", "state_id", "write_date")


def link_of(chain: Chain, user_id: str = "u1") -> AccountLink:
    with chain.db.transaction() as conn:
        return links(conn, chain.service.code)[user_id]


def existing(chain: Chain, email: str, **values: object) -> int:
    return int(chain.odoo.call("res.partner", "create", {"name": "Was here before", "email": email, **values}))


def test_a_user_becomes_a_partner_with_a_place(chain: Chain) -> None:
    user = a_user(name=" Zoë × Søn ", email=chain.email("zoe"))
    assert counts(chain.partners(records(users=(user,)))) == (1, 0, 0, 0, 0)
    made = chain.one("res.partner", "user_u1", *FIELDS)
    assert (made["name"], made["company_name"], made["ref"]) == ("Zoë × Søn", "Maple × Co", "u1")
    assert (made["country_id"][1], made["state_id"][1]) == ("Canada", "Ontario (CA)")
    assert link_of(chain).odoo_id == made["id"]


def test_progress_is_told_of_new_and_of_changed_records(chain: Chain) -> None:
    told: list[str] = []
    for names in ("abc", "adef"):
        users = tuple(a_user(f"u{number}", name=name) for number, name in enumerate(names))
        import_partners(chain.reading(records(users=users)), dry_run=False, report=told.append)
    assert [line.partition(" new or changed")[0] for line in told] == [
        "user: 3 of 3",
        "user: 1 of 3",
        "user: 3 of 3",
    ]
    assert all(re.fullmatch(r".* records sent \(\d+ a second\)", line) for line in told)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "New name"}, "name"),
        ({"email": "new@customers.example"}, "email"),
        ({"company": None}, "company"),
        ({"state": "QC"}, "state"),
    ],
)
def test_one_changed_field_is_one_write(chain: Chain, changed: dict[str, str | None], field: str) -> None:
    chain.partners(records())
    after = records(users=(replace(a_user(), **changed),))  # type: ignore[arg-type]
    done = chain.partners(after)
    assert counts(done) == (0, 1, 0, 0, 0)
    assert [(row.action, [each.field for each in row.fields]) for row in done.diff] == [(Action.CHANGE, [field])]
    assert counts(chain.partners(after)) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize(
    ("place", "given", "shown"),
    [
        ("CA-ON", (None, None), ("Canada", "Ontario (CA)")),
        ("CA", (None, None), ("Canada", None)),
        (None, (None, None), (None, None)),
        ("CA-ON", ("US", "NY"), ("United States", "New York (US)")),
    ],
)
def test_a_user_without_a_place_gets_the_attested_one(
    chain: Chain, place: str | None, given: tuple[str | None, str | None], shown: tuple[str | None, str | None]
) -> None:
    user = a_user(country=given[0], state=given[1])
    chain.configured(place_of_supply=place).partners(records(users=(user,)))
    made = chain.one("res.partner", "user_u1", *FIELDS)
    assert tuple(made[name][1] if made[name] else None for name in ("country_id", "state_id")) == shown


@pytest.mark.parametrize(
    ("country", "state", "reason"),
    [
        ("ZZ", None, "Odoo knows no country ZZ"),
        ("CA", "XX", "Odoo knows no state CA-XX"),
        (None, "ON", "has state ON but no country"),
    ],
)
def test_an_unknown_place_is_never_written(chain: Chain, country: str | None, state: str | None, reason: str) -> None:
    done = chain.partners(records(users=(a_user(country=country, state=state), a_user("u2"))))
    assert counts(done) == (1, 0, 0, 0, 1)
    assert reason in reasons(done)["u1"]


def test_a_partner_that_was_there_is_linked_and_left_alone(chain: Chain) -> None:
    partner = existing(chain, chain.email("Ann"))
    before = chain.odoo.search_read("res.partner", [("id", "=", partner)], FIELDS)
    source = records(users=(a_user(email=chain.email("aNN").upper(), country="ZZ"),))
    assert counts(chain.partners(source)) == (0, 0, 1, 0, 0)
    assert (link_of(chain).state, link_of(chain).odoo_id) == (LinkState.LINKED, partner)
    assert chain.odoo.search_read("res.partner", [("id", "=", partner)], FIELDS) == before
    assert chain.ids("res.partner") == {chain.xid("linked_user_u1"): partner}


def test_an_underscore_in_an_e_mail_matches_itself_alone(chain: Chain) -> None:
    existing(chain, chain.email("a-b"))
    chain.partners(records(users=(a_user(email=chain.email("a_b")),)))
    assert list(chain.ids("res.partner")) == [chain.xid("user_u1")]


def test_a_link_outlives_the_e_mail_it_came_from(chain: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    chain.partners(records(users=(a_user(email=chain.email("ann")),)))
    assert counts(chain.partners(records(users=(a_user(email=chain.email("other")),)))) == (0, 0, 1, 0, 0)
    assert link_of(chain).odoo_id == partner
    chain.odoo.unlink("res.partner", [partner])
    assert counts(chain.partners(records(users=(a_user(email=chain.email("other")),)))) == (1, 0, 0, 0, 0)


def test_two_partners_with_the_e_mail_are_never_guessed_at(chain: Chain) -> None:
    partners = [existing(chain, chain.email("ann")), existing(chain, chain.email("ANN"))]
    source = records(users=(a_user(email=chain.email("ann")),))
    done = chain.partners(source)
    assert counts(done) == (0, 0, 0, 0, 1)
    assert f"partners {partners[0]}, {partners[1]} in Odoo share e-mail" in reasons(done)["u1"]
    assert (link_of(chain).state, link_of(chain).candidates) == (LinkState.AMBIGUOUS, tuple(partners))
    assert counts(chain.configured(account_links={"u1": partners[1]}).partners(source)) == (0, 0, 1, 0, 0)
    assert link_of(chain).odoo_id == partners[1]


def test_an_archived_partner_counts_only_without_an_active_one(chain: Chain) -> None:
    archived = existing(chain, chain.email("ann"), active=False)
    source = records(users=(a_user(email=chain.email("ann")),))
    assert [counts(chain.partners(source)), link_of(chain).odoo_id] == [(0, 0, 1, 0, 0), archived]
    active = existing(chain, chain.email("bob"))
    existing(chain, chain.email("bob"), active=False)
    chain.partners(records(users=(a_user("u2", email=chain.email("bob")),)))
    assert link_of(chain, "u2").odoo_id == active


def test_an_archived_partner_of_ours_is_there(chain: Chain) -> None:
    chain.partners(records())
    chain.odoo.write("res.partner", list(chain.ids("res.partner").values()), {"active": False})
    assert counts(chain.partners(records())) == (0, 0, 1, 0, 0)


def test_a_declared_partner_must_exist(chain: Chain) -> None:
    done = chain.configured(account_links={"u1": 999_999_999}).partners(records())
    assert (counts(done), link_of(chain).state) == ((0, 0, 0, 0, 1), LinkState.AMBIGUOUS)
    assert "declares partner 999999999 under account_links, which does not exist" in reasons(done)["u1"]


def test_users_whose_e_mails_differ_in_case_alone_both_fail_until_one_is_declared(chain: Chain) -> None:
    users = (a_user("u1", email=chain.email("Ann")), a_user("u2", email=chain.email("ann")), a_user("u3"))
    done = chain.partners(records(users=users))
    assert counts(done) == (1, 0, 0, 0, 2)
    assert reasons(done)["u1"] == reasons(done)["u2"]
    assert reasons(done)["u1"].startswith(f"users u1, u2 share e-mail {chain.email('ann')}: merge them in the source")
    partner = existing(chain, chain.email("third"))
    done = chain.configured(account_links={"u1": partner}).partners(records(users=users))
    assert counts(done) == (1, 0, 2, 0, 0)


def test_users_that_nothing_needs_are_skipped_and_bad_rows_fail(chain: Chain) -> None:
    users = tuple(a_user(each, is_active=False) for each in ("u1", "u2", "u3"))
    bad = (BadRow(entity="users", external_id="u9", reason="user u9 has no name", row={}),)
    source = records(users=users, subscriptions=(a_subscription(user_id="u1"),), invoices=(an_invoice(user_id="u2"),), bad=bad)
    done = chain.partners(source)
    assert counts(done) == (2, 0, 0, 1, 1)
    assert (sorted(reasons(done)), reasons(done)["u9"]) == (["u3", "u9"], "user u9 has no name")


def test_a_partner_deleted_in_odoo_comes_back(chain: Chain) -> None:
    chain.partners(records())
    chain.odoo.unlink("res.partner", list(chain.ids("res.partner").values()))
    assert counts(chain.partners(records())) == (1, 0, 0, 0, 0)
    assert link_of(chain).odoo_id == chain.ids("res.partner")[chain.xid("user_u1")]
