"""Lists to sign: each statement once, what only a person can say left open, and no list with a wrong line is read at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.attestations import FORMS, Statement, Value
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.to_sign import ToSign, read, to_sign, written


def an_objection(what_to_do: str, words: str = "was never compared") -> Objection:
    return Objection(id="never_compared", scope="s1/flat", klass=Class.UNDECIDABLE, words=words, what_to_do=what_to_do)


@pytest.mark.parametrize(
    ("what_to_do", "statement", "subject", "value"),
    [
        ("fcb attest receiver --text WHY --expires DAY --service shop", "receiver", "", None),
        ("make rehearse, then  fcb attest rehearsed --value '0.1.0' --text WHY --expires DAY", "rehearsed", "", "0.1.0"),
        ("look, and  fcb attest preview s1/flat --value '19.99 CAD' --text WHY", "preview", "s1/flat", "19.99 CAD"),
        ("fcb attest preview s1/flat --value AMOUNT --text WHY", "preview", "s1/flat", None),
        ("fcb attest paid_through s1/flat --value 'DAY' --text WHY , then plan anew", "paid_through", "s1/flat", None),
        ("fcb attest no_dispute 5 --text WHY --expires DAY", "no_dispute", "5", None),
    ],
)
def test_a_statement_is_read_from_what_is_to_be_done(what_to_do: str, statement: str, subject: str, value: str | None) -> None:
    (found,) = to_sign([an_objection(what_to_do)])
    assert (found.statement, found.subject, found.value, found.because) == (statement, subject, value, "was never compared")


def test_what_nobody_can_sign_is_in_no_list_and_each_statement_is_there_once() -> None:
    twice = an_objection("fcb attest no_token 5 --text WHY", "s1 has none"), an_objection("fcb attest no_token 5 --text WHY")
    found = to_sign([an_objection("fcb resume --text WHY"), *twice, an_objection("fcb attest lies 5 --text WHY")])
    assert [(one.statement, one.because) for one in found] == [("no_token", "s1 has none")]


def lines() -> st.SearchStrategy[ToSign]:
    subjects = st.from_regex(r"\A[A-Za-z0-9=×,\"/-]{1,20}\Z")
    return st.builds(
        ToSign,
        statement=st.sampled_from(Statement),
        subject=subjects,
        value=st.sampled_from(["19.99 CAD", "2026-07-01"]),
        because=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
    )


@given(st.lists(lines(), min_size=1, max_size=5))
def test_a_list_is_read_as_it_was_written(found: list[ToSign]) -> None:
    assert read(written(found)) == tuple(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with the line statement,subject,value,because"),
        ("what,who\npreview,s1/flat\n", "begins with the line"),
        ("statement,subject,value\n", "has no statement"),
        ("statement,subject,value\nlies,s1,\n", "line 2: 'lies' cannot be attested"),
        (
            "statement,subject,value\nreceiver,,\npreview,s1/flat,\n",
            "line 3: preview of s1/flat has no value: write the amount",
        ),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_read(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(text)


def test_every_statement_with_a_value_needs_one() -> None:
    for statement, form in FORMS.items():
        text = f"statement,subject,value\n{statement},s1/flat,\n"
        if form.value is Value.NONE:
            assert read(text)[0].statement is statement
        else:
            with pytest.raises(InvalidInput, match="has no value"):
                read(text)
