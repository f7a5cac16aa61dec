"""What a way to a sandbox needs to read a request, pass it on, and lose its answer."""

from starlette.types import Message, Receive


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def again(body: bytes) -> Receive:
    """A request with that body, for the application behind."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def unheard(_message: Message) -> None:
    """What is answered and nobody hears."""
