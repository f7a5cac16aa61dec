"""The ways in which an operator is told, as settings have them: a mail, a POST to an address of theirs.

Owns: what is posted. Does not own: what a mail says (domain/notices), handing it in (webhooks/mail), the request
(webhooks/posting), when something is told (notices).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from fcb_host.signing import Secret, headers
from fcb_pipelines.acts.delivery import Post
from fcb_pipelines.acts.notices import Way
from fcb_pipelines.domain.notices import MailServer, Told, text
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines.webhooks.mail import hand_in, mail


def ways(settings: WebhookSettings, post: Post, clock: Callable[[], datetime]) -> Mapping[str, Way]:
    """Every way in which an operator is told; none where none is configured."""
    found: dict[str, Way] = {}
    if settings.mail_server is not None:
        mailed = ByMail(server=settings.mail_server, sender=settings.sender, to=settings.operator_email, clock=clock)
        found["mail"] = mailed.tell
    if settings.operator_url is not None:
        posted = ByPost(url=settings.operator_url, secret=settings.operator_secret, post=post, clock=clock)
        found["webhook"] = posted.tell
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMail:
    """A mail to every operator."""

    server: MailServer
    sender: str
    to: tuple[str, ...]
    clock: Callable[[], datetime]

    async def tell(self, told: Sequence[Told], _id: str) -> str | None:
        """Hand it in; why that could not be."""
        return await hand_in(self.server, mail(self.sender, self.to, told, self.clock()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPost:
    """A POST in JSON, signed as messages are where there is a secret."""

    url: SecretStr
    secret: SecretStr | None
    post: Post = field(repr=False)
    clock: Callable[[], datetime]

    async def tell(self, told: Sequence[Told], id_: str) -> str | None:
        """Post it; why nobody took it, which does not show the address."""
        now = self.clock()
        body = json.dumps(_body(told, id_, now), ensure_ascii=False).encode()
        sent = {**self._signed(id_, now, body), "content-type": "application/json"}
        posted = await self.post(self.url.get_secret_value(), sent, body)
        if posted.is_taken:
            return None
        return f"what is at FCB_OPERATOR_WEBHOOK_URL did not take it: {posted.failure or f'it answered {posted.status}'}"

    def _signed(self, id_: str, now: datetime, body: bytes) -> Mapping[str, str]:
        if self.secret is None:
            return {}
        secret = Secret.parse(self.secret.get_secret_value())
        return headers([secret], message_id=id_, sent_at=int(now.timestamp()), body=body)


def _body(told: Sequence[Told], id_: str, now: datetime) -> Mapping[str, object]:
    """What is posted; `text` is what programs for chats show."""
    notices = [
        {"service": one.service, "kind": one.kind, "words": one.words, "raised_at": one.raised_at.isoformat()} for one in told
    ]
    return {"type": "operator.notices", "id": id_, "timestamp": now.isoformat(), "text": text(told), "notices": notices}
