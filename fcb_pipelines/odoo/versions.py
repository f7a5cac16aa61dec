"""What a server says about its version, and what follows from it for speaking with it.

Owns: reading the version, and from which one on there is JSON-2. What differs in models and fields is not here.
"""

from collections.abc import Mapping
from typing import Any

from fcb_pipelines.odoo.client import ServerVersion

VERSION_PATH = "/web/webclient/version_info"
FIRST_WITH_JSON2 = 19
"""From here on there is `/json/2`, and both it and `/jsonrpc` are served by the module `rpc`, which can be missing."""


def version_of(answer: Mapping[str, Any]) -> ServerVersion:
    """The version from an answer of `/web/webclient/version_info`, or of `/web/version`, which names the same otherwise.

    Raises KeyError, TypeError, IndexError or ValueError when it is none.
    """
    parts = answer["server_version_info" if "server_version_info" in answer else "version_info"]
    text = answer["server_version" if "server_version" in answer else "version"]
    # The sixth part is "e" on Enterprise and empty on Community.
    return ServerVersion(text=str(text), major=_major(parts[0]), is_enterprise=parts[5:6] == ["e"])


def has_module_rpc(version: str) -> bool:
    """Whether RPC is a module of its own in a version such as `19.0` or `saas~19.1`."""
    return _major(version.partition(".")[0]) >= FIRST_WITH_JSON2


def _major(part: Any) -> int:
    # Odoo's own hosting says such as "saas~19" instead of 19.
    return int(str(part).rpartition("~")[2])
