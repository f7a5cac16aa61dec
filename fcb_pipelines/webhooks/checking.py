"""Whether a webhook may go to a URL now: by the guard that each delivery asks, for people who wonder.

Owns: asking it once, with a look-up of the name and no connection. Does not own: the rules (egress), look-ups (names).
"""

from urllib.parse import urlsplit

from fcb_pipelines.webhooks.egress import Denied, Egress, target_of, vet
from fcb_pipelines.webhooks.names import Lookups, Unresolved


def objection(url: str, policy: Egress, lookups: Lookups) -> str | None:
    """Why nothing may go there, or None; takes as long as a look-up may."""
    asked = target_of(url, policy)
    if isinstance(asked, Denied):
        return asked.reason
    found = (asked.host,) if asked.is_address else lookups.addresses(asked.host)
    if isinstance(found, Unresolved):
        return found.reason
    vetted = vet(asked, found, policy)
    return vetted.reason if isinstance(vetted, Denied) else None


def place(url: str) -> str:
    """Where a URL is: what follows may be known to two sides alone, and is left out wherever many look."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{'/…' if parts.path.strip('/') or parts.query else ''}"
