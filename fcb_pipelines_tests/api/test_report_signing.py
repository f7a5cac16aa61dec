"""Signing on the pages, over HTTP: by whose secret it is, of what was shown, and by two people above the limit."""

from fcb_pipelines.acts.signers import revoke_signer
from fcb_pipelines.domain.access import parsed
from fcb_pipelines_tests.api.conftest import NOW, Template
from fcb_pipelines_tests.api.signing_desk import PLACE, TYPED, Desk, desk, forms, served
from fcb_pipelines_tests.report.html import Page

__all__ = ["desk", "served"]


def test_a_row_is_signed_for_on_its_page(desk: Desk) -> None:
    with desk.browser() as client:
        shown = Page(client.get(desk.page("1")).content)
        assert "whichever their signCAD\N{NO-BREAK SPACE}0.25" in "".join(shown.all("form")[0].words).replace("\n", "")
        answer = desk.accept(client)
        assert answer.status_code == 303
        place = answer.headers["location"]
        text = Page(client.get(place).content).text
        assert f"signed by {desk.name('ada')}" in text
        assert "fcb run --service nexacloud --period 2026-04" in text
        assert forms(client.get(desk.page("1")).content) == [], "nothing is left to sign"
    decision = place.rpartition("/")[2]
    kept = desk.fetch(
        f"SELECT kind, reason, text, bearer, expires_on::text, author, secret_made_by, needs_approval, row_id, amount::text"
        f" FROM acceptance_decision JOIN acceptance USING (decision_id) WHERE decision_id = '{decision}'"
    )
    name = desk.name("ada")
    expected = ("row", "goodwill", "agreed by phone\non 3 May", "us", "2026-09-01", name, "root", False, desk.row("1"), "0.25")
    assert kept == [expected]
    told = "actor, act, data->>'did', data->>'secret_made_by'"
    noted = desk.fetch(f"SELECT {told} FROM audit_log WHERE subject = '{decision}' ORDER BY position")
    assert noted == [(name, "acceptance_made", None, "root"), (name, "signed_on_a_page", "accept", "root")]


def test_a_group_is_one_decision_that_a_second_person_approves(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept_queue(client)
        assert "waits for a second person" in Page(client.get(PLACE).content).text
        approval, withdrawal = forms(client.get(place).content)
        assert (approval["action"], withdrawal["action"]) == (f"{place}/approval", f"{place}/withdrawal")
        own = desk.send(client, approval, desk.secret("ada"))
        assert own.status_code == 409
        assert f"{desk.name('ada')} wrote" in Page(own.content).text
        assert "somebody else must approve it" in Page(own.content).text
        approval, _ = forms(own.content)
        friends = desk.send(client, approval, desk.secret("friend", by=desk.name("ada")))
        assert friends.status_code == 409
        assert f"made the secret of {desk.name('friend')}" in Page(friends.content).text
        approval, _ = forms(friends.content)
        approved = desk.send(client, approval, desk.secret("grace"))
        assert (approved.status_code, approved.headers["location"]) == (303, place)
        text = Page(client.get(place).content).text
        assert desk.name("grace") in text
        assert "in force" in text
        assert forms(client.get(PLACE).content) == []
    decision = place.rpartition("/")[2]
    assert desk.fetch(f"SELECT person FROM acceptance_approval WHERE decision_id = '{decision}'") == [(desk.name("grace"),)]


def test_whoever_made_the_authors_secret_approves_nothing_of_it(desk: Desk) -> None:
    with desk.browser() as client:
        desk.secret("ada", by=desk.name("grace"))
        place = desk.accept_queue(client)
        approval, _ = forms(client.get(place).content)
        refused = desk.send(client, approval, desk.secret("grace"))
    assert refused.status_code == 409
    assert f"{desk.name('grace')} made the secret that {desk.name('ada')} signed" in Page(refused.content).text


def test_what_was_signed_is_taken_back_with_a_reason(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept(client).headers["location"]
        (withdrawal,) = forms(client.get(place).content)
        empty = desk.send(client, withdrawal, desk.secret("grace"), text=" ")
        assert empty.status_code == 422
        (withdrawal,) = forms(empty.content)
        assert desk.send(client, withdrawal, desk.secret("grace"), text="not agreed").status_code == 303
        text = Page(client.get(place).content).text
        assert f"by {desk.name('grace')}" in text
        assert "not agreed" in text
        assert len(forms(client.get(desk.page("1")).content)) == 1, "it can be signed again"


def test_a_standing_one_holds_in_later_months(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept(client, kind="standing").headers["location"]
        assert "in later months too" in Page(client.get(place).content).text
    kept = desk.fetch(
        f"SELECT kind, charge FROM acceptance_decision JOIN acceptance USING (decision_id) WHERE row_id = '{desk.row('1')}'"
    )
    assert kept == [("standing", "flat")]


def test_what_was_shown_and_nothing_else_is_signed(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        desk.reconcile("51.00")
        again = desk.send(client, form, desk.secret("ada"), **TYPED)
        assert again.status_code == 409
        page = Page(again.content)
        assert "What changed since you looked" in page.text
        shown = [each.text for each in page.elements if each.attributes.get("class") == "figure"]
        assert {"50.25", "51.00", "\N{MINUS SIGN}0.25", "\N{MINUS SIGN}1.00"} <= set(shown)
        assert "agreed by phone" in page.text, "what was typed is there again"
        assert desk.signed() == 0
        (form,) = forms(again.content)
        assert desk.send(client, form, desk.secret("ada"), **TYPED).status_code == 303


def test_a_newer_revision_of_the_same_figures_is_looked_at_again_too(desk: Desk) -> None:
    with desk.browser() as client:
        (form,) = forms(client.get(desk.page("1")).content)
        desk.reconcile()
        again = desk.send(client, form, desk.secret("ada"), **TYPED)
    assert again.status_code == 409
    assert "Figures and verdicts of these rows are the same" in Page(again.content).text


def test_less_than_was_shown_is_not_signed(desk: Desk) -> None:
    with desk.browser() as client:
        form = next(one for one in forms(client.get("/reports/2026-04/queue").content) if len(one["row"]) == 3)
        assert desk.send(client, form | {"row": form["row"][:2]}, desk.secret("ada"), **TYPED).status_code == 409
        assert desk.accept(client, "2").status_code == 303
        answer = desk.send(client, form, desk.secret("ada"), **TYPED)
        assert answer.status_code == 422
        assert "was accepted already" in Page(answer.content).text
        assert desk.signed() == 1


def test_an_approval_is_of_what_was_shown(desk: Desk) -> None:
    with desk.browser() as client:
        place = desk.accept_queue(client)
        approval, _ = forms(client.get(place).content)
        fewer = approval | {"shown": approval["shown"].rpartition(" ")[0]}
        assert desk.send(client, fewer, desk.secret("grace")).status_code == 409
    assert desk.fetch(f"SELECT 1 FROM acceptance_approval WHERE decision_id = '{place.rpartition('/')[2]}'") == []


def test_who_does_not_sign_here_signs_nothing(desk: Desk, api_template: Template) -> None:
    gone = desk.secret("gone")
    revoke_signer(desk.db, service="nexacloud", name=desk.name("gone"), actor="root", now=NOW)
    key = api_template.keys["reconciler"]
    assert parsed(key) is not None
    with desk.browser() as client:
        for secret in (gone, desk.secret("of another", service="other"), key, "wrong"):
            answer = desk.accept(client, secret=secret)
            assert answer.status_code == 403
            assert "Nothing was signed." in Page(answer.content).text
        assert desk.accept(client, secret=" ").status_code == 422
    assert desk.fetch(f"SELECT 1 FROM acceptance WHERE row_id = '{desk.row('1')}'") == []


def test_a_secret_that_is_revoked_signs_no_more(desk: Desk) -> None:
    with desk.browser() as client:
        assert desk.accept(client, "1").status_code == 303
        revoke_signer(desk.db, service="nexacloud", name=desk.name("ada"), actor="root", now=NOW)
        assert desk.accept(client, "2").status_code == 403
