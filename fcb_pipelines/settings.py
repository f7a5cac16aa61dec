"""Settings: every `FCB_*` variable and the reviewed file `fcb.toml`, read once and refused as a whole if anything is wrong.

Owns: names, defaults, bounds and the documentation of each variable. Does not own: a service's table (services), what starts
where an address is not given (local). Secrets and addresses are variables; rules that people review are in the file.
"""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.tax import TaxRate, TaxTable
from fcb_pipelines.services import Service, Strict
from fcb_pipelines.webhook_settings import VARIABLES as _WEBHOOKS
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines.webhook_settings import values as webhook_values


def _exact(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError(f'write {value} as text, such as "{value}": a number with a point is not exact')  # noqa: TRY004
    return Decimal(str(value))


Exact = Annotated[Decimal, BeforeValidator(_exact)]


class TaxSetting(Strict):
    """One component of the sales tax of one place, from `valid_from` until before `valid_to`; see `domain.tax.TaxRate`."""

    place: str
    component: str
    percent: Exact
    valid_from: date
    valid_to: date | None = None


class OdooAccess(Strict):
    """How to reach Odoo."""

    url: str = Field(pattern=r"^https?://")
    db: str
    user: str
    key: SecretStr


class Settings(Strict):
    """Everything that was configured; an address that is None is given by the embedded stack (local)."""

    services: dict[str, Service]
    taxes: tuple[TaxSetting, ...] = ()
    state_dir: Path = Path(".fcb")
    database_url: SecretStr | None = None
    dagster_url: SecretStr | None = None
    odoo: OdooAccess | None = None
    is_odoo_embedded: bool = True
    """Whether Odoo is the sandbox of the embedded stack."""
    odoo_timeout_seconds: int = Field(default=120, ge=1, le=3600)
    odoo_transport: Literal["auto", "jsonrpc", "json2"] = "auto"
    """How Odoo is spoken to; `auto` takes JSON-2 where the server and the key can, else JSON-RPC."""
    odoo_concurrency: int = Field(default=2, ge=1, le=32)
    """How many calls at once we ever make to Odoo, over all our processes."""
    odoo_draft_invoices: bool = False
    """Whether a period's draft invoices (or, with Enterprise, its usage lines) are written into Odoo."""
    odoo_source_invoices: bool = False
    """Whether what the source billed beyond our model is carried into Odoo as drafts."""
    odoo_confirm_orders: bool = False
    """Whether a flip may confirm orders in Odoo, which starts invoicing."""
    odoo_attach_tokens: bool = False
    """Whether payment tokens may be attached to live orders, which starts charging (Enterprise)."""
    odoo_post_invoices: bool = False
    """Whether invoices of live subscriptions are posted; else they stay drafts."""
    api_requests_per_second: int = Field(default=1000, ge=1, le=100_000)
    """How many requests each API key may make to one server (`fcb serve`), with a burst as large."""
    usage_retention_months: int | None = Field(default=None, ge=3, le=1200)
    """How many whole months after a month ended its usage events are kept in detail; for ever unless it is given."""
    import_all_plans: bool = False
    webhooks: WebhookSettings = WebhookSettings()
    """How messages are sent, and how an operator is told what became of them."""
    now: datetime | None = None
    ui_port: int = Field(default=3000, ge=1, le=65535)
    config_file: Path

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.services:
            raise ValueError("no service is configured: add a [services.<code>] table")
        _ = self.tax_table
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("FCB_NOW needs a timezone, such as 2026-06-02T12:00:00-04:00")
        real = [code for code, service in self.services.items() if not service.is_demo]
        if self.now is not None and real:
            raise ValueError(f"FCB_NOW moves the clock of the demo and is refused with a real service ({', '.join(real)})")
        return self

    @property
    def tax_table(self) -> TaxTable:
        """The dated rates as the domain reads them."""
        return TaxTable(rates=tuple(TaxRate(**dict(tax)) for tax in self.taxes))

    def rules_hash(self, service: Service) -> str:
        """SHA-256 of `rules_text`."""
        return hashlib.sha256(self.rules_text(service).encode()).hexdigest()

    def rules_text(self, service: Service) -> str:
        """Everything reviewed that can change a figure of a service, as JSON: rules and taxes, no secret, no address."""
        rules = service.model_dump(
            mode="json",
            exclude={
                "source_url",
                "is_demo",
                "folder",
                "owner",
                "acceptance",
                "flip",
                "dunning",
                "account_links",
                "odoo_taxes",
                "zone",
                "times",
            },
        )
        rules |= {"zone": service.zone.key, "times": {name: (time.kind, time.zone.key) for name, time in service.times.items()}}
        rules |= {"taxes": [tax.model_dump(mode="json") for tax in self.taxes]}
        return json.dumps(rules, sort_keys=True)

    def service(self, code: str | None) -> Service:
        """The service of a code, or the only one there is."""
        if code is None and len(self.services) == 1:
            return next(iter(self.services.values()))
        if code is None or code not in self.services:
            known = ", ".join(sorted(self.services))
            said = "which service?" if code is None else f"no service {code!r} in {self.config_file.name}."
            raise InvalidInput(f"{said} Give --service with one of: {known}")
        return self.services[code]


_PLAIN = {
    "FCB_STATE_DIR": "state_dir",
    "FCB_DATABASE_URL": "database_url",
    "FCB_DAGSTER_URL": "dagster_url",
    "FCB_ODOO_TIMEOUT_SECONDS": "odoo_timeout_seconds",
    "FCB_ODOO_TRANSPORT": "odoo_transport",
    "FCB_ODOO_CONCURRENCY": "odoo_concurrency",
    "FCB_ODOO_DRAFT_INVOICES": "odoo_draft_invoices",
    "FCB_ODOO_SOURCE_INVOICES": "odoo_source_invoices",
    "FCB_ODOO_CONFIRM_ORDERS": "odoo_confirm_orders",
    "FCB_ODOO_ATTACH_TOKENS": "odoo_attach_tokens",
    "FCB_ODOO_POST_INVOICES": "odoo_post_invoices",
    "FCB_API_REQUESTS_PER_SECOND": "api_requests_per_second",
    "FCB_IMPORT_ALL_PLANS": "import_all_plans",
    "FCB_NOW": "now",
    "FCB_UI_PORT": "ui_port",
}
_ODOO = {"FCB_ODOO_URL": "url", "FCB_ODOO_DB": "db", "FCB_ODOO_USER": "user", "FCB_ODOO_KEY": "key"}
_OF_ONE_COMMAND = frozenset({"FCB_WEBHOOK_SECRET"})
"""Variables that a command reads itself (`fcb webhook sign`), and that may stand there while others run."""
CONFIG_VARIABLE = "FCB_CONFIG"
ADDRESSES_FILE = "addresses.json"
"""Written by the embedded stack into the state folder while it runs: where its parts listen, as the variables would say it."""
DEMO_NOW = "2026-06-02T12:00:00-04:00"
"""Where the demo's clock stands while no service is real: the morning after May closed."""


def load(environ: Mapping[str, str], *, folder: Path) -> Settings:
    """Read the variables (those of `.env` in `folder` too, the environment wins) and `fcb.toml`.

    An address that is not given is taken from the embedded stack if that is running. Raises `InvalidSettings` with one line
    for each thing that is wrong. No value of a secret is ever in the message.
    """
    given = {**{key: value for key, value in dotenv_values(folder / ".env").items() if value is not None}, **environ}
    given = {key: value for key, value in given.items() if key.startswith("FCB_") and value != ""}
    config = Path(given.pop(CONFIG_VARIABLE, folder / "fcb.toml"))
    raw = _read_file(config)
    _refuse_unknown(given, raw["services"])
    given.setdefault("FCB_STATE_DIR", str(folder / ".fcb"))
    embedded = _embedded(Path(given["FCB_STATE_DIR"]))
    values: dict[str, Any] = {**raw, "config_file": config}
    values["services"] = _services(raw["services"], given, embedded, config.parent)
    values |= {field: value for name, field in _PLAIN.items() if (value := given.get(name, embedded.get(name)))}
    if all(service["is_demo"] for service in values["services"].values()):
        values.setdefault("now", DEMO_NOW)
    values["webhooks"] = webhook_values(given, embedded)
    access = _odoo(given)
    values |= {"odoo": access or _odoo(embedded), "is_odoo_embedded": access is None}
    return _validated(values, config)


def _embedded(state_dir: Path) -> dict[str, str]:
    try:
        addresses: dict[str, str] = json.loads((state_dir / ADDRESSES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return addresses


def source_variable(code: str) -> str:
    """The variable that holds a service's source DSN."""
    return f"FCB_SOURCE_{code.upper()}_URL"


def _read_file(config: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidSettings(f"{config} does not exist: run in the project's folder or set {CONFIG_VARIABLE}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{config} is not readable TOML: {error}") from error
    services = raw.setdefault("services", {})
    if not isinstance(services, dict) or not all(isinstance(service, dict) for service in services.values()):
        raise InvalidSettings(f"{config}: [services] holds one table per service, such as [services.nexacloud]")
    return raw


def _services(raw: Any, given: Mapping[str, str], embedded: Mapping[str, str], folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for code, service in raw.items():
        name = source_variable(code)
        place = {"source_url": given.get(name, embedded.get(name)), "is_demo": name not in given, "folder": folder}
        found[code] = {**service, "code": code, **place}
    return found


def _odoo(given: Mapping[str, str]) -> dict[str, str] | None:
    values = {field: given[name] for name, field in _ODOO.items() if name in given}
    missing = [name for name in _ODOO if name not in given]
    if values and missing:
        raise InvalidSettings(f"Odoo is only half configured: set {', '.join(missing)} too")
    return values or None


def _refuse_unknown(given: Mapping[str, str], services: Mapping[str, Any]) -> None:
    known = {*_PLAIN, *_ODOO, *_WEBHOOKS, *_OF_ONE_COMMAND, *(source_variable(code) for code in services)}
    for name in sorted(given):
        if name not in known and not name.startswith(("FCB_TEST_", "FCB_INTERNAL_")):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see .env.example for those there are"
            hint = "it is one of fcb_host: unset it where fcb runs" if name.startswith("FCB_HOST_") else hint
            raise InvalidSettings(f"{name} is not a variable of fcb_pipelines; {hint}")


def _validated(values: dict[str, Any], config: Path) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        # `input` is left out on purpose: it could be a secret.
        lines = [f"  {_place(item['loc'])}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()]
        raise InvalidSettings("\n".join([f"settings are wrong ({config} and FCB_* variables):", *lines])) from error
    except InvalidInput as error:
        raise InvalidSettings(f"settings are wrong ({config}): {error}") from error


def _place(location: tuple[int | str, ...]) -> str:
    variables = {field: name for name, field in _PLAIN.items()} | {f"odoo.{field}": name for name, field in _ODOO.items()}
    variables |= {f"webhooks.{field}": name for name, field in _WEBHOOKS.items()}
    # One of several values of a variable has its number behind it.
    path = ".".join(map(str, location[:2] if location[:1] == ("webhooks",) else location))
    return variables.get(path, path) or "fcb.toml"
