"""What a freshly installed Odoo holds: users, places, units, the Canadian taxes and their fiscal positions.

Owns: the first records and their external ids. The company sits in Ontario and keeps its books in CAD.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

from psycopg import sql

from fcb_pipelines.odoo.sandbox.access import ADMIN_GROUPS, IMPORTER_GROUPS, all_implied, implied
from fcb_pipelines.odoo.sandbox.chart import POSITIONS, TAX_GROUPS, Position, TaxEntry, purchased, replaced_by
from fcb_pipelines.odoo.sandbox.connections import Connection
from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.sandbox.fields import Field
from fcb_pipelines.odoo.sandbox.schema import ensure_schema

CAD, USD = 3, 1
COMPANY, COMPANY_PARTNER = 1, 1
ROBOT, ADMIN, IMPORTER = 1, 2, 5
SALE_TAX = "hst_sale_tax_13"

Row = Mapping[str, Any]


def install(conn: Connection, edition: Edition, now: datetime) -> None:
    """Make the tables, and the first records in an empty database."""
    if ensure_schema(conn, edition):
        conn.execute("SET CONSTRAINTS ALL DEFERRED")
        _Installer(conn, edition, now.replace(tzinfo=None)).run()


class _Installer:
    """Puts records in with their external ids, past all rules."""

    def __init__(self, conn: Connection, edition: Edition, now: datetime) -> None:
        self._conn = conn
        self._edition = edition
        self._stamp = {"create_uid": ROBOT, "create_date": now, "write_uid": ROBOT, "write_date": now}

    def run(self) -> None:
        """Everything, in an order in which ids are known before they are used."""
        self._put("res.currency", _CURRENCIES)
        countries = self._put("res.country", _countries())
        states = self._put("res.country.state", _states(countries))
        self._people(countries["base.ca"], states["base.state_ca_on"])
        self._put("decimal.precision", _precisions(self._edition))
        for model_name, rows in self._edition.first_records.items():
            self._put(model_name, rows)
        self._put("uom.uom", _UNITS)
        self._put("product.category", _CATEGORIES)
        self._put("product.pricelist", [(None, {"name": "Default", "currency_id": CAD, "company_id": COMPANY, "sequence": 10})])
        self._put("crm.team", [("sales_team.team_sales_department", {"name": "Sales", "sequence": 0})])
        self._put("account.journal", _JOURNALS)
        self._put("account.payment.term", _TERMS)
        self._put("payment.provider", _PROVIDERS)
        self._put("payment.method", _METHODS)
        self._put("ir.module.module", _modules(self._edition))
        self._chart(countries["base.ca"], states)

    def _people(self, country: int, state: int) -> None:
        groups = self._put("res.groups", _groups(self._edition))
        self._put("res.partner", _people(country, state))
        self._put("res.users", _users(groups))
        self._put("res.company", [("base.main_company", _company(self._edition, country))])

    def _chart(self, country: int, states: Mapping[str, int]) -> None:
        positions = self._put("account.fiscal.position", (_position(entry, country, states) for entry in POSITIONS))
        taxes = (*self._edition.taxes, *map(purchased, self._edition.taxes))
        numbers = {entry.code: number for number, entry in enumerate(taxes, start=1)}
        groups = self._put(
            "account.tax.group",
            ((f"account.1_{code}", {"name": name, "company_id": COMPANY}) for code, name in TAX_GROUPS.items()),
        )
        self._put("account.tax", (_tax(entry, country, numbers, positions, groups) for entry in taxes))
        if "account.fiscal.position.tax" in self._edition.models:
            self._put("account.fiscal.position.tax", _mappings(taxes, numbers, positions))
        self._conn.execute("UPDATE res_company SET account_sale_tax_id = %s", [numbers[SALE_TAX]])

    def _put(self, model_name: str, rows: Iterable[tuple[str | None, Row]]) -> dict[str, int]:
        """Insert rows numbered from 1, or by the `id` they bring; answer external id → id."""
        model = self._edition.models[model_name]
        named: dict[str, int] = {}
        numbered = [(name, {"id": number, **row}) for number, (name, row) in enumerate(rows, start=1)]
        for name, row in numbered:
            whole = {**_defaults(model.columns), **self._stamp, **row, **self._edition.completed.get(name or "", {})}
            self._insert(model.table, whole)
            if name:
                named[name] = row["id"]
                self._name(name, model_name, row["id"])
        restart = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"
        self._conn.execute(restart, [model.table, max(row["id"] for _, row in numbered)])
        return named

    def _name(self, external_id: str, model_name: str, record_id: int) -> None:
        module, _, name = external_id.partition(".")
        row = {"module": module, "name": name, "model": model_name, "res_id": record_id, "noupdate": True, **self._stamp}
        self._insert("ir_model_data", row)

    def _insert(self, table: str, row: Row) -> None:
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
        )
        self._conn.execute(query, list(row.values()))


def _defaults(columns: Iterable[Field]) -> dict[str, Any]:
    return {field.column: field.default for field in columns if field.default is not None}


def _lines(name: str) -> list[list[str]]:
    text = files(__package__ or "").joinpath("places", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


def _countries() -> Iterable[tuple[str, Row]]:
    return ((f"base.{code.lower()}", {"code": code, "name": name}) for code, name in _lines("countries.tsv"))


def _states(countries: Mapping[str, int]) -> Iterable[tuple[str, Row]]:
    for country, code, name in _lines("states.tsv"):
        external_id = f"base.state_{country.lower()}_{code.lower()}"
        yield external_id, {"code": code, "name": name, "country_id": countries[f"base.{country.lower()}"]}


def _groups(edition: Edition) -> Iterable[tuple[str, Row]]:
    numbers = {code: number for number, code in enumerate(edition.group_names, start=1)}
    for code, name in edition.group_names.items():
        yield (
            code,
            {
                "name": name.rpartition("/")[2].strip(),
                "full_name": " / ".join(map(str.strip, name.split("/"))),
                "implied_ids": [numbers[each] for each in implied(code)],
                "all_implied_ids": sorted(numbers[each] for each in all_implied(code)),
            },
        )


def _people(country: int, state: int) -> Iterable[tuple[str | None, Row]]:
    home = {"country_id": country, "state_id": state, "is_company": True}
    yield "base.main_partner", {"id": COMPANY_PARTNER, "name": "My Company", **home}
    yield "base.partner_root", {"id": 2, "name": "OdooBot", "active": False}
    yield "base.partner_admin", {"id": 3, "name": "Administrator"}
    yield None, {"id": 6, "name": "Importer", "email": "importer@example.com"}


def _users(groups: Mapping[str, int]) -> Iterable[tuple[str | None, Row]]:
    yield "base.user_root", {"id": ROBOT, "login": "__system__", "partner_id": 2, "active": False, "company_id": COMPANY}
    yield "base.user_admin", _user(ADMIN, "admin", 3, [groups[code] for code in ADMIN_GROUPS])
    yield None, _user(IMPORTER, "importer", 6, [groups[code] for code in IMPORTER_GROUPS])


def _user(user_id: int, login: str, partner: int, groups: list[int]) -> Row:
    keys = {"id": user_id, "login": login, "partner_id": partner, "company_id": COMPANY}
    return {**keys, "group_ids": groups, "all_group_ids": groups}


def _company(edition: Edition, country: int) -> Row:
    return {
        "id": COMPANY,
        "name": "My Company",
        "partner_id": COMPANY_PARTNER,
        "currency_id": CAD,
        "account_fiscal_country_id": country,
        "chart_template": "ca_2023",
        "tax_calculation_rounding_method": edition.rounding_method,
    }


def _precisions(edition: Edition) -> Iterable[tuple[str, Row]]:
    return ((code, {"name": name, "digits": digits}) for name, (code, digits) in edition.precisions.items())


def _modules(edition: Edition) -> Iterable[tuple[None, Row]]:
    version = f"{edition.version}.1.0"
    return ((None, {"name": name, "state": "installed", "latest_version": version}) for name in edition.modules)


def _position(entry: Position, country: int, states: Mapping[str, int]) -> tuple[str, Row]:
    names = [f"base.state_ca_{state.lower()}" for state in entry.states]
    row = {
        "name": entry.name,
        "sequence": entry.sequence,
        "company_id": COMPANY,
        "auto_apply": True,
        "country_id": country if entry.states else None,
        "state_ids": [states[name] for name in names],
    }
    return f"account.1_fiscal_position_template_{entry.code}", row


def _tax(
    entry: TaxEntry, country: int, numbers: Mapping[str, int], positions: Mapping[str, int], groups: Mapping[str, int]
) -> tuple[str, Row]:
    row = {
        "name": entry.name,
        "amount": entry.amount,
        "amount_type": "group" if entry.children else "percent",
        "type_tax_use": entry.use,
        "sequence": entry.sequence,
        "company_id": COMPANY,
        "country_id": country,
        "invoice_label": entry.name.split()[0],
        "description": f"<div>{entry.description}</div>",
        "tax_group_id": groups[f"account.1_{entry.group}"],
        "children_tax_ids": [numbers[code] for code in entry.children],
        "original_tax_ids": [numbers[code] for code in replaced_by(entry) if code in numbers],
        "fiscal_position_ids": [positions[f"account.1_fiscal_position_template_{code}"] for code in entry.positions],
    }
    return f"account.1_{entry.code}", row


def _mappings(
    taxes: Iterable[TaxEntry], numbers: Mapping[str, int], positions: Mapping[str, int]
) -> Iterable[tuple[None, Row]]:
    """What stands for what at which fiscal position, as a record each: how 18.0 keeps it."""
    for entry in taxes:
        for position in entry.positions:
            for code in replaced_by(entry):
                if code in numbers:
                    source, place = numbers[code], positions[f"account.1_fiscal_position_template_{position}"]
                    yield None, {"position_id": place, "tax_src_id": source, "tax_dest_id": numbers[entry.code]}


_CURRENCIES: Iterable[tuple[str, Row]] = (
    ("base.USD", {"id": USD, "name": "USD", "full_name": "United States dollar", "symbol": "$"}),
    ("base.CAD", {"id": CAD, "name": "CAD", "full_name": "Canadian dollar", "symbol": "$"}),
    (
        "base.JPY",
        {
            "id": 25,
            "name": "JPY",
            "full_name": "Japanese yen",
            "symbol": "¥",
            "rounding": 1,
            "decimal_places": 0,
            "active": False,
        },
    ),
    ("base.EUR", {"id": 126, "name": "EUR", "full_name": "Euro", "symbol": "€", "active": False}),
    ("base.GBP", {"id": 144, "name": "GBP", "full_name": "Pound sterling", "symbol": "£", "active": False}),
)

_UNITS: Iterable[tuple[str, Row]] = (
    ("uom.product_uom_unit", {"id": 1, "name": "Units"}),
    ("uom.product_uom_hour", {"id": 4, "name": "Hours"}),
    ("uom.product_uom_day", {"id": 5, "name": "Days", "relative_uom_id": 4, "relative_factor": 8, "factor": 8}),
)

_CATEGORIES: Iterable[tuple[str, Row]] = (
    ("product.product_category_goods", {"name": "Goods"}),
    ("product.product_category_expenses", {"name": "Expenses"}),
    ("product.product_category_services", {"name": "Services"}),
)

_JOURNALS: Iterable[tuple[str | None, Row]] = (
    ("account.1_sale", {"name": "Sales", "code": "INV", "type": "sale", "company_id": COMPANY}),
    ("account.1_general", {"name": "Miscellaneous Operations", "code": "MISC", "type": "general", "company_id": COMPANY}),
    ("account.1_bank", {"name": "Bank", "code": "BNK1", "type": "bank", "company_id": COMPANY}),
)

_PROVIDERS: Iterable[tuple[str, Row]] = (("payment.payment_provider_demo", {"name": "Demo"}),)

_METHODS: Iterable[tuple[str, Row]] = (("payment.payment_method_card", {"name": "Card", "code": "card"}),)

_TERMS: Iterable[tuple[str, Row]] = (
    ("account.account_payment_term_immediate", {"name": "Immediate Payment", "days": 0}),
    *((f"account.account_payment_term_{days}days", {"name": f"{days} Days", "days": days}) for days in (15, 21, 30, 45)),
)
