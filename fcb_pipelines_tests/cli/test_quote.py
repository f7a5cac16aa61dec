import json
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.cli.quote import MOST_LINES, quote, requests

ROOT = Path(__file__).parents[2]
STANDARD = {"model": "standard", "unit_price": "0.5"}
GOOD = json.dumps({"quantity": "3", "currency": "CAD", "charge": STANDARD})
ANSWER = {
    "exact_amount": "1.5",
    "amount": "1.50",
    "lines": [{"quantity": "3", "unit_price": "0.5", "amount": "1.5"}],
}


def run(text: str | bytes) -> Result:
    return CliRunner().invoke(quote, input=text)


def replies(text: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(text).stdout.splitlines()]


def ask(charge: object, quantity: object = "3", currency: object = "CAD") -> dict[str, Any]:
    (reply,) = replies(json.dumps({"quantity": quantity, "currency": currency, "charge": charge}))
    return reply


def test_a_request_is_answered_with_one_compact_line() -> None:
    result = run(GOOD)
    lines = '[{"quantity":"3","unit_price":"0.5","amount":"1.5"}]'
    assert result.stdout == f'{{"exact_amount":"1.5","amount":"1.50","lines":{lines}}}\n'
    assert result.exit_code == 0


def test_the_examples_of_the_documentation_are_answered_as_they_say() -> None:
    section = (ROOT / "docs" / "rows.md").read_text("utf-8").partition("## `fcb quote`")[2].partition("\n## ")[0]
    examples = [block.strip().rsplit("\n", 1) for block in re.findall("```console\n(.*?)```", section, re.DOTALL)]
    assert len(examples) == 3
    for command, answer in examples:
        assert run(command[command.index("{") : command.rindex("}") + 1]).stdout.strip() == answer


@pytest.mark.parametrize(
    ("charge", "quantity", "currency", "exact", "amount"),
    [
        ({"model": "standard", "unit_price": "0.0075", "unit_batch": "3600"}, "5400", "CAD", "0.01125", "0.01"),
        ({"model": "standard", "unit_price": "0.01", "unit_batch": "3"}, "1", "CAD", "0.003333333333", "0.00"),
        ({"model": "standard", "unit_price": "1", "included_quantity": "20"}, "21", "CAD", "1", "1.00"),
        ({"model": "package", "package_size": "10", "package_price": "3"}, "21", "JPY", "9", "9"),
        ({"model": "package", "package_size": "10", "package_price": "3", "included_quantity": "1"}, "21", "CAD", "6", "6.00"),
        ({"model": "graduated", "tiers": [{"up_to": "10", "unit_price": "1"}, {"up_to": None}]}, "21", "CAD", "10", "10.00"),
        ({"model": "volume", "tiers": [{"up_to": "10"}, {"up_to": None, "flat_amount": "2.5"}]}, "21", "JPY", "2.5", "3"),
        ({**STANDARD, "minimum_amount": "12.345"}, "0", "CAD", "12.345", "12.35"),
        ({**STANDARD, "maximum_amount": "1", "minimum_amount": None}, "9", "CAD", "1", "1.00"),
        (STANDARD, 21, "CAD", "10.5", "10.50"),
        (STANDARD, "1e30", "CAD", "5" + "0" * 29, "5" + "0" * 29 + ".00"),
        (STANDARD, "1e-30", "CAD", "0", "0.00"),
    ],
)
def test_each_model_is_priced(charge: object, quantity: object, currency: str, exact: str, amount: str) -> None:
    reply = ask(charge, quantity, currency)
    assert (reply["exact_amount"], reply["amount"]) == (exact, amount)
    assert sum(Decimal(line["amount"]) for line in reply["lines"]) == Decimal(exact)


def test_numbers_of_json_are_read_exactly_and_not_as_floats() -> None:
    charge = '{"model": "standard", "unit_price": 0.1000000000000000000001}'
    (reply,) = replies('{"quantity": 1e22, "currency": "CAD", "charge": ' + charge + "}")
    assert reply["exact_amount"] == "1000000000000000000001"


def test_a_price_too_small_for_twelve_decimals_is_still_shown_in_full() -> None:
    reply = ask({"model": "standard", "unit_price": "0.0000000000005"}, "1000000000000")
    assert reply["lines"] == [{"quantity": "1000000000000", "unit_price": "0.0000000000005", "amount": "0.5"}]


@given(
    batches=st.lists(st.decimals("0.000001", 50, places=15), min_size=1, max_size=5),
    quantity=st.decimals(0, 200, places=8),
    minimum=st.decimals(0, 100, places=15),
)
def test_the_written_lines_add_up_to_the_written_amount(batches: list[Decimal], quantity: Decimal, minimum: Decimal) -> None:
    bounds = [str(10 * number) for number in range(1, len(batches))]
    tiers = [
        {"up_to": up_to, "unit_price": str(price), "flat_amount": str(price)}
        for up_to, price in zip([*bounds, None], batches, strict=True)
    ]
    reply = ask({"model": "graduated", "tiers": tiers, "minimum_amount": str(minimum)}, str(quantity))
    assert sum(Fraction(line["amount"]) for line in reply["lines"]) == Fraction(reply["exact_amount"])


@pytest.mark.parametrize(
    ("charge", "reason"),
    [
        ({**STANDARD, "model": "tiered"}, "charge: unknown model 'tiered'; known are standard, package, graduated, volume"),
        ({**STANDARD, "model": ["standard"]}, "model must be text, is ['standard']"),
        ({"unit_price": "1"}, "charge: missing key 'model'"),
        ({"model": "standard"}, "charge: missing key 'unit_price'"),
        ({"model": "package", "package_size": "1"}, "charge: missing key 'package_price'"),
        ({"model": "volume"}, "charge: missing key 'tiers'"),
        ({**STANDARD, "price": "1"}, "charge: unknown key 'price'; known are unit_price, minimum_amount"),
        ({**STANDARD, "tiers": []}, "charge: unknown key 'tiers'"),
        ({**STANDARD, "unit_price": None}, "charge: unit_price is null"),
        ({**STANDARD, "unit_price": True}, "charge: unit_price must be an exact number"),
        ({**STANDARD, "unit_price": ["1"]}, "charge: unit_price must be an exact number"),
        ({**STANDARD, "unit_price": "NaN"}, "charge: unit_price: 'NaN' is not a decimal number"),
        ({**STANDARD, "unit_price": "1e91"}, "charge: unit_price: a number has more than 90 digits"),
        ({**STANDARD, "unit_price": "-1"}, "unit_price must not be negative, is -1"),
        ({**STANDARD, "unit_batch": "0"}, "unit_batch must be above 0, is 0"),
        ({**STANDARD, "minimum_amount": "2", "maximum_amount": "1"}, "minimum_amount 2 is above maximum_amount 1"),
        ({"model": "volume", "tiers": {}}, "charge: tiers must be a list"),
        ({"model": "volume", "tiers": []}, "tiers is empty"),
        ({"model": "volume", "tiers": ["1"]}, "tier 1 must be an object, is '1'"),
        ({"model": "volume", "tiers": [{"up_to": "1"}]}, "the last tier must have up_to null"),
        ({"model": "volume", "tiers": [{"unit_price": "1"}]}, "tier 1: missing key 'up_to'"),
        ({"model": "volume", "tiers": [{"up_to": None, "price": "1"}]}, "tier 1: unknown key 'price'"),
        ({"model": "volume", "tiers": [{"up_to": None, "unit_price": None}]}, "tier 1: unit_price is null"),
        ({"model": "volume", "tiers": [{"up_to": "1"}, {"up_to": None, "unit_price": "-1"}]}, "tier 2: unit_price must not be"),
        ("standard", "charge must be an object, is 'standard'"),
        (None, "charge must be an object"),
    ],
)
def test_a_charge_that_makes_no_price_is_refused_by_name(charge: object, reason: str) -> None:
    assert reason in ask(charge)["error"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "the request: missing key 'quantity'"),
        (GOOD.replace('"currency"', '"money"'), "the request: unknown key 'money'; known are quantity, currency, charge"),
        (GOOD.replace('"CAD"', '"XYZ"'), "currency 'XYZ' is not known"),
        (GOOD.replace('"CAD"', "7"), "currency must be text"),
        (GOOD.replace('"3"', '"-3"'), "quantity is negative"),
        (GOOD.replace('"3"', "null"), "quantity is null"),
        (GOOD.replace('"3"', '""'), "quantity: '' is not a decimal number"),
        (GOOD.replace('"3"', "NaN"), "NaN is not a number in JSON"),
        (GOOD.replace('"3"', "-Infinity"), "-Infinity is not a number in JSON"),
        (GOOD.replace('"3"', "1e999999999"), "more than 90 digits"),
        (GOOD.replace('"3"', "9" * 5000), "more than 90 digits"),
        (GOOD.replace('"CAD"', '"CAD", "currency": "USD"'), "key 'currency' is given twice"),
        (GOOD.replace('"0.5"', '"0.5", "unit_price": "0.5"'), "key 'unit_price' is given twice"),
        (GOOD + GOOD, "not valid JSON: Extra data"),
        ("[" * 100_000, "not valid JSON"),
        (f"[{GOOD}]", "a request must be a JSON object"),
        ("null", "a request must be a JSON object, is None"),
        ("hello", "not valid JSON"),
        (b"\xff\xfe{", "not valid JSON"),
    ],
)
def test_a_request_that_cannot_be_read_is_an_error_and_ends_with_exit_1(text: str | bytes, reason: str) -> None:
    result = run(text)
    (reply,) = replies(text)
    assert reason in reply["error"]
    assert list(reply) == ["error"]
    assert result.exit_code == 1


@pytest.mark.parametrize("indent", [0, 2, 8])
def test_a_pretty_printed_request_is_one_request(indent: int) -> None:
    tiers = [{"up_to": "10", "unit_price": "1"}, {"up_to": None, "flat_amount": "1"}]
    request = {"quantity": "21", "currency": "CAD", "charge": {"model": "graduated", "tiers": tiers}}
    text = json.dumps(request, indent=indent)
    assert [reply["amount"] for reply in replies(text)] == ["11.00"]
    assert [reply["amount"] for reply in replies(f"{GOOD}\n{text}\n\n{text}\n{GOOD}")] == ["1.50", "11.00", "11.00", "1.50"]
    assert ["error" in reply for reply in replies(text[:-1])] == [True]


def test_a_tier_on_a_line_of_its_own_is_not_taken_for_a_request() -> None:
    text = '{"quantity": "1", "currency": "CAD", "charge": {"model": "volume", "tiers": [\n{"up_to": "}"}\n]}}'
    assert "up_to" in replies(text)[0]["error"]
    assert replies(text.replace('"}"', "null"))[0]["amount"] == "0.00"


LINE = json.dumps({"quantity": "3", "charge": STANDARD, "tax_rate": "13"})
INVOICE = '{"currency": "CAD", "tax_rounding": "per_total", "lines": [\n' + f"{LINE},\n{LINE}" + "\n]}"


def test_an_invoice_may_have_each_of_its_lines_on_a_line_of_its_own() -> None:
    pretty = json.dumps(json.loads(INVOICE), indent=2)
    answers = replies(f"{INVOICE}\n{GOOD}\n{INVOICE.replace(chr(10), '')}\n{pretty}\n{INVOICE}\n")
    assert [answer.get("gross", answer.get("amount")) for answer in answers] == ["3.39", "1.50", "3.39", "3.39", "3.39"]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_an_invoice_that_is_never_closed_ends_where_the_next_request_opens(cut: int) -> None:
    broken = "\n".join(INVOICE.splitlines()[:cut])
    answers = replies(f"{GOOD}\n{broken}\n{GOOD}\n{INVOICE}\n{GOOD}\n")
    shown = [answer.get("gross", answer.get("amount")) for answer in answers if "error" not in answer]
    assert shown == ["1.50", "1.50", "3.39", "1.50"]
    assert len(answers) == 4 + cut


def test_what_an_invoice_opens_with_ends_with_it() -> None:
    request = '{"quantity": "3",\n"currency": "CAD", "charge": ' + json.dumps(STANDARD) + "}"
    for before in (INVOICE, INVOICE[:-2] + '\n{"currency": "CAD",'):
        answers = replies(f'{before}\n{{"quantity": "3",\n{request}\n')
        shown = [answer.get("gross", answer.get("amount", "broken")) for answer in answers]
        assert shown[-2:] == ["broken", "1.50"]


@pytest.mark.parametrize("broken", ["hello", "{", '{"quantity":', '{"quantity": "3', '{"quantity": "3"}}', "}", "[", '"'])
def test_a_broken_line_is_an_error_and_the_rest_go_on(broken: str) -> None:
    result = run(f"{GOOD}\n{broken}\n{GOOD}\n\n{broken}\n{broken}\r\n{GOOD}\n")
    assert ["error" in json.loads(line) for line in result.stdout.splitlines()] == [False, True, False, True, True, False]
    assert result.exit_code == 1


@pytest.mark.parametrize("broken", ["hello", "{", '{"quantity":', '{"quantity": "3', "[", '"'])
def test_a_file_may_start_with_a_broken_line(broken: str) -> None:
    assert ["error" in reply for reply in replies(f"{broken}\nhello\n{GOOD}\n")] == [True, True, False]


@pytest.mark.parametrize("broken", [b'{"quantity": "3\n', b"[\n", b"hello\n"])
def test_a_line_that_no_other_can_mend_is_answered_at_once(broken: bytes) -> None:
    assert list(requests([broken, b"}\n"])) == [broken, b"}\n"]


def test_an_object_that_is_never_closed_does_not_draw_in_the_whole_file() -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b"{\n"

    assert next(requests(endless())) == b"{\n"
    assert read == MOST_LINES + 1


@pytest.mark.parametrize("text", ["", "\n \n\t\r\n"])
def test_no_input_is_wrong_use(text: str) -> None:
    result = run(text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no input" in result.stderr


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    pretty = json.dumps(json.loads(GOOD), indent=2).replace("\n", "\r\n")
    assert replies(b"\xef\xbb\xbf" + f"{GOOD}\r\n\r\n{GOOD}\r\n".encode()) == [ANSWER, ANSWER]
    assert replies(b"\xef\xbb\xbf" + f"{pretty}\r\n{GOOD}".encode()) == [ANSWER, ANSWER]


SCRIPT = "from fcb_pipelines.cli.quote import quote; quote()"


def test_each_answer_is_written_before_the_next_request_is_read() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write(GOOD.encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == ANSWER
        process.stdin.close()
        assert process.wait() == 0


def test_a_quote_starts_without_anything_heavy() -> None:
    listing = "import sys, fcb_pipelines.cli.quote; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    assert not {"dagster", "pandas", "psycopg", "sqlalchemy", "odoorpc", "great_expectations", "pydantic"} & set(loaded)
