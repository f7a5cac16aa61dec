"""A linked partner carries an external id where our user may give one: never taken for ours, never left on a wrong partner."""

from typing import Any

import pytest

from fcb_pipelines.acts.partners import import_partners
from fcb_pipelines.acts.prune import prunable
from fcb_pipelines.domain.links import MERGED
from fcb_pipelines.domain.partners import LinkState
from fcb_pipelines_tests.acts.chain import Chain, counts
from fcb_pipelines_tests.acts.source_records import a_user, records
from fcb_pipelines_tests.acts.test_partners import existing, link_of

LINKED = "linked_user_u1"


def a_customer(chain: Chain, name: str = "ann") -> Any:
    return records(users=(a_user(email=chain.email(name)),))


def row(chain: Chain) -> dict[str, Any]:
    """The external id as Odoo keeps it."""
    (found,) = chain.odoo.search_read(
        "ir.model.data",
        [("module", "=", "fcb"), ("name", "=", f"{chain.service.code}_{LINKED}")],
        ["res_id", "model", "noupdate"],
    )
    return found


def forgetful(chain: Chain) -> None:
    """The store loses what it knows of this service's partners."""
    with chain.db.transaction() as conn:
        conn.execute("DELETE FROM account_link")
        conn.execute("DELETE FROM odoo_record")


def written(chain: Chain, partner: int) -> Any:
    return chain.odoo.search_read("res.partner", [("id", "=", partner)], ["write_date", "name", "email", "ref", "company_name"])


def test_a_linked_partner_gets_an_external_id_once_and_nothing_else(chain: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    before = written(chain, partner)
    assert counts(chain.partners(a_customer(chain))) == (0, 0, 1, 0, 0)
    given = row(chain)
    assert (given["res_id"], given["model"], given["noupdate"]) == (partner, "res.partner", True)
    assert counts(chain.partners(a_customer(chain))) == (0, 0, 1, 0, 0)
    assert (row(chain), chain.ids("res.partner")) == (given, {chain.xid(LINKED): partner})
    assert written(chain, partner) == before


def test_a_user_without_the_right_links_all_the_same(chain: Chain, least: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    assert counts(least.partners(a_customer(chain))) == (0, 0, 1, 0, 0)
    assert (chain.ids("res.partner"), link_of(chain).odoo_id) == ({}, partner)
    chain.partners(a_customer(chain))
    assert counts(least.partners(a_customer(chain))) == (0, 0, 1, 0, 0)
    assert chain.ids("res.partner") == {chain.xid(LINKED): partner}


def test_a_dry_run_gives_none(chain: Chain) -> None:
    existing(chain, chain.email("ann"))
    chain.partners(a_customer(chain), dry_run=True)
    assert chain.ids("res.partner") == {}


def test_a_lost_store_finds_the_link_again_though_the_e_mail_changed(chain: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    chain.partners(a_customer(chain))
    forgetful(chain)
    assert counts(chain.partners(a_customer(chain, "other"))) == (0, 0, 1, 0, 0)
    assert (link_of(chain).odoo_id, link_of(chain).reason) == (partner, "it carries our external id")
    assert chain.ids("res.partner") == {chain.xid(LINKED): partner}


def test_a_lost_store_never_takes_a_linked_partner_for_ours(chain: Chain, least: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    before = written(chain, partner)
    chain.partners(a_customer(chain))
    forgetful(chain)
    assert counts(least.partners(a_customer(chain, "other"))) == (1, 0, 0, 0, 0)
    assert written(chain, partner) == before
    assert link_of(chain).odoo_id == chain.ids("res.partner")[chain.xid("user_u1")] != partner


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_linked_partner_is_never_pruned(chain: Chain, is_lost: bool) -> None:
    existing(chain, chain.email("ann"))
    chain.partners(a_customer(chain))
    if is_lost:
        forgetful(chain)
    assert prunable(chain.reading(records(users=(), plans=(), subscriptions=())), take_all=True) == ()
    assert list(chain.ids("res.partner")) == [chain.xid(LINKED)]


def test_the_external_id_follows_the_link(chain: Chain) -> None:
    first, second = existing(chain, chain.email("ann")), existing(chain, chain.email("bob"))
    chain.partners(a_customer(chain))
    chain.configured(account_links={"u1": second}).partners(a_customer(chain))
    assert (chain.ids("res.partner"), link_of(chain).odoo_id) == ({chain.xid(LINKED): second}, second)
    chain.configured(account_links={"u1": first}).partners(a_customer(chain))
    assert chain.ids("res.partner") == {chain.xid(LINKED): first}


def test_a_link_that_became_ambiguous_takes_its_external_id_along(chain: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    chain.partners(a_customer(chain))
    both = records(users=(a_user("u1", email=chain.email("ann")), a_user("u2", email=chain.email("Ann"))))
    assert counts(chain.partners(both)) == (0, 0, 0, 0, 2)
    assert (link_of(chain).state, chain.ids("res.partner")) == (LinkState.AMBIGUOUS, {})
    assert written(chain, partner)


def test_a_partner_made_in_place_of_a_deleted_one_is_ours_alone(chain: Chain) -> None:
    partner = existing(chain, chain.email("ann"))
    chain.partners(a_customer(chain))
    chain.odoo.unlink("res.partner", [partner])
    assert counts(chain.partners(a_customer(chain))) == (1, 0, 0, 0, 0)
    assert list(chain.ids("res.partner")) == [chain.xid("user_u1")]


def test_the_link_in_the_store_wins_over_the_external_id(chain: Chain) -> None:
    first, second = existing(chain, chain.email("ann")), existing(chain, chain.email("bob"))
    chain.partners(a_customer(chain))
    chain.odoo.write("ir.model.data", [row(chain)["id"]], {"res_id": second})
    chain.partners(a_customer(chain))
    assert (link_of(chain).odoo_id, row(chain)["res_id"]) == (first, first)


def merge(chain: Chain, gone: int, stays: int) -> None:
    """What Odoo's wizard does: the external ids move to the partner that stays, the other one is deleted."""
    rows = chain.odoo.search_read("ir.model.data", [("model", "=", "res.partner"), ("res_id", "=", gone)], ["id"])
    chain.odoo.write("ir.model.data", [row["id"] for row in rows], {"res_id": stays})
    chain.odoo.unlink("res.partner", [gone])


NOBODY = records(users=(), plans=(), subscriptions=())


@pytest.mark.parametrize("is_least", [False, True])
def test_a_partner_that_ours_was_merged_into_is_linked_and_neither_written_nor_pruned(
    chain: Chain, least: Chain, is_least: bool
) -> None:
    by = least if is_least else chain
    by.partners(records())
    theirs = existing(chain, chain.email("theirs"))
    merge(chain, chain.ids("res.partner")[chain.xid("user_u1")], theirs)
    before = written(chain, theirs)
    assert prunable(by.reading(NOBODY), take_all=False) == ()
    for _ in range(3):
        assert counts(by.partners(records())) == (0, 0, 1, 0, 0)
        assert (link_of(chain).odoo_id, link_of(chain).reason) == (theirs, MERGED)
    assert prunable(by.reading(NOBODY), take_all=False) == ()
    assert written(chain, theirs) == before
    assert chain.ids("res.partner") == {chain.xid("user_u1" if is_least else LINKED): theirs}


@pytest.mark.parametrize("is_least", [False, True])
def test_of_two_partners_of_ours_that_were_merged_none_is_written_any_more(chain: Chain, least: Chain, is_least: bool) -> None:
    by, both = (least if is_least else chain), records(users=(a_user("u1"), a_user("u2")))
    by.partners(both)
    ids = chain.ids("res.partner")
    stays = ids[chain.xid("user_u1")]
    merge(chain, ids[chain.xid("user_u2")], stays)
    before = written(chain, stays)
    after = records(users=(a_user("u1", name="Other"), a_user("u2", name="Another")))
    for _ in range(2):
        assert counts(by.partners(after)) == (0, 0, 2, 0, 0)
        assert [(link_of(chain, each).odoo_id, link_of(chain, each).reason) for each in ("u1", "u2")] == [(stays, MERGED)] * 2
    assert prunable(by.reading(NOBODY), take_all=False) == ()
    assert written(chain, stays) == before


def test_a_merge_is_told_once_where_our_user_may_rename(chain: Chain) -> None:
    chain.partners(records())
    theirs = existing(chain, chain.email("theirs"))
    merge(chain, chain.ids("res.partner")[chain.xid("user_u1")], theirs)
    told: list[str] = []
    for _ in range(2):
        import_partners(chain.reading(records()), dry_run=False, report=told.append)
    assert told == [f"{chain.xid('user_u1')}: merged in Odoo into partner {theirs}, which is linked and no longer written"]


def test_a_partner_made_anew_by_an_import_that_ended_in_the_middle_was_not_merged(chain: Chain) -> None:
    chain.partners(records())
    chain.odoo.unlink("res.partner", list(chain.ids("res.partner").values()))
    with pytest.raises(ZeroDivisionError):
        import_partners(chain.reading(records()), dry_run=False, report=lambda _: _fail())
    assert counts(chain.partners(records(users=(a_user(name="Changed"),)))) == (0, 1, 0, 0, 0)


def _fail() -> None:
    raise ZeroDivisionError
