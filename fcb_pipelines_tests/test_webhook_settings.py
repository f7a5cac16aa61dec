"""Settings of webhooks: what is read, what is refused in one line each, and that no secret is ever told."""

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from fcb_host.signing import Secret
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.notices import MailServer, mail_server
from fcb_pipelines.settings import ADDRESSES_FILE, Settings, load
from fcb_pipelines.webhook_settings import new_key
from fcb_pipelines.webhooks.egress import Egress
from fcb_pipelines_tests.projects import write_project

KEY = new_key()
SECRET = Secret.fresh().revealed()
MAIL = {"FCB_OPERATOR_EMAIL": "ops@example.com", "FCB_SMTP_URL": "smtp://u:hunter2@mail.example.com"}


def read(folder: Path, **variables: str) -> Settings:
    return load(variables, folder=write_project(folder))


def test_nothing_is_sent_and_nobody_told_unless_it_is_said(tmp_path: Path) -> None:
    found = read(tmp_path).webhooks
    assert (found.is_on, found.keys, found.mail_server, found.tells_operator) == (False, None, None, False)
    assert found.policy == Egress()


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        FCB_WEBHOOKS="true",
        FCB_WEBHOOK_KEYS=f"{KEY}, {new_key()}",
        FCB_WEBHOOK_ALLOW_HTTP_LOCAL="true",
        FCB_WEBHOOK_PORTS="9443, 8081",
        FCB_WEBHOOK_NETWORKS="10.20.0.0/16",
        FCB_WEBHOOK_CA_FILE="/etc/ssl/own.pem",
        FCB_OPERATOR_EMAIL="ops@example.com, duty@example.com",
        FCB_SMTP_URL="smtps://u:hunter2@mail.example.com",
        FCB_SMTP_FROM="fcb@example.com",
        FCB_OPERATOR_WEBHOOK_URL="https://chat.example.com:9443/T0/hunter2",
        FCB_OPERATOR_WEBHOOK_SECRET=SECRET,
    ).webhooks
    assert found.is_on
    assert found.ca_file == Path("/etc/ssl/own.pem")
    assert found.policy.ports == {443, 8443, 9443, 8081}
    assert [str(one) for one in found.policy.networks] == ["10.20.0.0/16"]
    assert (found.operator_email, found.sender) == (("ops@example.com", "duty@example.com"), "fcb@example.com")
    assert found.mail_server == MailServer(host="mail.example.com", port=465, is_tls_at_once=True, user="u", password="hunter2")
    assert "hunter2" not in repr(found) + repr(found.mail_server)
    assert not any(each in repr(found) for each in (KEY, SECRET))


def test_mail_is_from_the_first_operator_unless_it_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, **MAIL).webhooks
    assert (found.sender, found.tells_operator) == ("ops@example.com", True)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FCB_WEBHOOKS": "perhaps"}, "FCB_WEBHOOKS: "),
        ({"FCB_WEBHOOK_KEYS": "hunter2"}, "FCB_WEBHOOK_KEYS: it holds what is no key; one is made by  python -c"),
        ({"FCB_WEBHOOK_KEYS": f"{KEY},hunter2"}, "FCB_WEBHOOK_KEYS: it holds what is no key"),
        ({"FCB_WEBHOOK_KEYS": f"{KEY},"}, "FCB_WEBHOOK_KEYS: it holds what is no key"),
        ({"FCB_WEBHOOK_PORTS": "9443,x"}, "FCB_WEBHOOK_PORTS: 'x' is not a port"),
        ({"FCB_WEBHOOK_PORTS": "70000"}, "FCB_WEBHOOK_PORTS: port 70000 is none"),
        ({"FCB_WEBHOOK_NETWORKS": "10.20.0.1/16"}, "FCB_WEBHOOK_NETWORKS: '10.20.0.1/16' is not a network"),
        ({"FCB_WEBHOOK_NETWORKS": "0.0.0.0/0"}, "0.0.0.0/0 cannot be allowed"),
        ({"FCB_WEBHOOK_NETWORKS": "169.254.0.0/16"}, "cannot be allowed"),
        ({**MAIL, "FCB_OPERATOR_EMAIL": "Ops <ops@example.com>"}, "FCB_OPERATOR_EMAIL: 'Ops <ops@example.com>' is no e-mail"),
        ({**MAIL, "FCB_SMTP_FROM": "fcb"}, "FCB_SMTP_FROM: 'fcb' is no e-mail address"),
        ({**MAIL, "FCB_SMTP_URL": "http://u:hunter2@mail"}, "FCB_SMTP_URL: it is not an address such as smtp://"),
        ({**MAIL, "FCB_SMTP_URL": "smtp://hunter2@mail"}, "FCB_SMTP_URL: it has a user or a password alone"),
        ({"FCB_OPERATOR_EMAIL": "ops@example.com"}, "both FCB_OPERATOR_EMAIL and FCB_SMTP_URL"),
        ({"FCB_SMTP_URL": MAIL["FCB_SMTP_URL"]}, "both FCB_OPERATOR_EMAIL and FCB_SMTP_URL"),
        ({"FCB_SMTP_FROM": "ops@example.com"}, "FCB_SMTP_FROM is for mail"),
        ({"FCB_OPERATOR_WEBHOOK_SECRET": SECRET}, "set FCB_OPERATOR_WEBHOOK_URL too"),
        (
            {"FCB_OPERATOR_WEBHOOK_URL": "https://chat.example.com/x", "FCB_OPERATOR_WEBHOOK_SECRET": "hunter2"},
            "FCB_OPERATOR_WEBHOOK_SECRET: a webhook secret begins with whsec_",
        ),
        ({"FCB_OPERATOR_WEBHOOK_URL": "http://chat.example.com/hunter2"}, "FCB_OPERATOR_WEBHOOK_URL is refused: it must"),
        ({"FCB_OPERATOR_WEBHOOK_URL": "https://chat.example.com:22/hunter2"}, "FCB_OPERATOR_WEBHOOK_URL is refused: port 22"),
        ({"FCB_WEBHOOK_PORT": "9443"}, "did you mean FCB_WEBHOOK_PORTS"),
    ],
)
def test_a_wrong_value_is_one_line_without_a_secret(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read(tmp_path, **variables)
    *_, line = str(caught.value).splitlines()
    assert said in line
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_the_key_of_the_embedded_stack_holds_unless_one_is_given(tmp_path: Path) -> None:
    write_project(tmp_path)
    (tmp_path / ".fcb").mkdir()
    (tmp_path / ".fcb" / ADDRESSES_FILE).write_text(json.dumps({"FCB_WEBHOOK_KEYS": KEY}))
    for given, key in (({}, KEY), ({"FCB_WEBHOOK_KEYS": (other := new_key())}, other)):
        keys = load(given, folder=tmp_path).webhooks.keys
        assert keys is not None
        assert keys.get_secret_value() == key


def test_a_new_key_is_one_that_the_cipher_takes() -> None:
    assert Fernet(KEY).decrypt(Fernet(KEY).encrypt(b"x")) == b"x"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 587, False, None, None)),
        ("smtp://mail.example.com:25/", ("mail.example.com", 25, False, None, None)),
        ("smtps://u%40x:p%2F%3A@mail.example.com", ("mail.example.com", 465, True, "u@x", "p/:")),
        ("smtp://u:@[::1]:2525", ("::1", 2525, False, "u", "")),
    ],
)
def test_a_mail_server_is_an_address(url: str, found: tuple[object, ...]) -> None:
    one = mail_server(url)
    assert (one.host, one.port, one.is_tls_at_once, one.user, one.password) == found


@pytest.mark.parametrize(
    "url", ["", "mail", "smtp://", "smtp://h:x", "smtp://h:99999", "smtp://h/box", "smtp://h?x=1", "imap://h", "smtp://[h"]
)
def test_anything_else_is_none(url: str) -> None:
    with pytest.raises(InvalidInput, match="it is not an address such as smtp://"):
        mail_server(url)
