"""Variables of the environment: a switch, a path, a whole number.

Owns: how each is written, and what is said of one that is not. Does not own: which variables there are (settings).
"""

from collections.abc import Mapping
from pathlib import Path

from fcb_host.errors import InvalidSettings

TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})
MOST_DIGITS = 12


def switch(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Whether it is on. Raises InvalidSettings."""
    if name not in environment:
        return default
    said = environment[name].strip().lower()
    if said not in TRUE | FALSE:
        raise InvalidSettings(f"{name} is on or off, not {said!r}")
    return said in TRUE


def path(environment: Mapping[str, str], name: str) -> Path | None:
    """The path that it names, if any."""
    said = environment.get(name, "")
    return Path(said) if said else None


def count(environment: Mapping[str, str], name: str, *, default: int) -> int:
    """The whole number that it says, at least 0. Raises InvalidSettings."""
    said = environment.get(name, "").strip()
    if said and not (said.isascii() and said.isdigit() and len(said) <= MOST_DIGITS):
        raise InvalidSettings(f"{name} is a whole number")
    return int(said) if said else default
