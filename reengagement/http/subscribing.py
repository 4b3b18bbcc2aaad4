"""`POST` and `DELETE /subscriptions`: a browser of a user whom the host vouches for."""

from __future__ import annotations

import logging
import socket
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from reengagement import host, references
from reengagement.database import clock, engine_of
from reengagement.endpoints import LONGEST_ENDPOINT, Address, address_of, is_public, may_be_posted
from reengagement.errors import BadReference, ReengagementError
from reengagement.host import Host, Subscription
from reengagement.http.answering import PRIVATE, nothing
from reengagement.http.limits import RateLimit, TooLarge, address_of_visitor, body_of
from reengagement.settings import Settings
from reengagement.vapid import is_usable

LONGEST_VOUCHER = timedelta(hours=1)
"""A reference that the host makes is good for the page that it is made for, not for a collection."""

A_MINUTE, AT_ONCE = 20.0, 20
log = logging.getLogger(__name__)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Keys(_Strict):
    """The public half of a browser's keys, base64url."""

    p256dh: Annotated[str, Field(max_length=100)]
    auth: Annotated[str, Field(max_length=40)]


class BrowserSubscription(_Strict):
    """What `PushSubscription.toJSON()` gives."""

    endpoint: Annotated[str, Field(max_length=LONGEST_ENDPOINT)]
    keys: Keys
    expirationTime: float | int | None = None


class Subscribe(_Strict):
    """The body of `POST /subscriptions`."""

    user: Annotated[str, Field(max_length=1000)]
    subscription: BrowserSubscription


class Unsubscribe(_Strict):
    """The body of `DELETE /subscriptions`."""

    user: Annotated[str, Field(max_length=1000)]
    endpoint: Annotated[str, Field(max_length=LONGEST_ENDPOINT)]


class Refused(Exception):
    """A request that isn't granted: an HTTP status and a sentence that repeats nothing of it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


Body = TypeVar("Body", bound=BaseModel)
Method = Literal["POST", "DELETE"]


def routes(settings: Settings) -> list[BaseRoute]:
    """Return `POST` and `DELETE /subscriptions`."""
    door = Door(settings)
    return [
        Route("/subscriptions", door.subscribe, methods=["POST"]),
        Route("/subscriptions", door.unsubscribe, methods=["DELETE"]),
    ]


class Door:
    """Lets subscriptions in, and out again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._allowed = frozenset(settings.push_origins)
        self._by_address = RateLimit(A_MINUTE * 6, AT_ONCE * 6)
        self._by_user = RateLimit(A_MINUTE, AT_ONCE)

    async def subscribe(self, request: Request) -> Response:
        """Save a subscription; one that is known is renewed."""
        return await self._answer(request, Subscribe, self._save)

    async def unsubscribe(self, request: Request) -> Response:
        """Remove a subscription of this user; one that isn't there is as good as removed."""
        return await self._answer(request, Unsubscribe, self._remove)

    async def _answer(self, request: Request, model: type[Body], do: Any) -> Response:
        try:
            if not self._by_address.allows(address_of_visitor(request)):
                raise Refused(429, "Too many requests: wait a minute.")
            body = await read(request, model)
            await run_in_threadpool(do, body)
        except Refused as refused:
            return JSONResponse({"error": refused.sentence}, refused.status, PRIVATE)
        except (ReengagementError, SQLAlchemyError) as error:
            log.error("a subscription could not be handled", extra={"error": type(error).__name__})
            return JSONResponse({"error": "Out of order: try again later."}, 503, PRIVATE)
        return nothing()

    def _save(self, body: Subscribe) -> None:
        wanted = body.subscription
        with engine_of(self._settings).begin() as connection:
            user_id = self._vouched(connection, body.user)
        check(wanted, self._allowed)
        with engine_of(self._settings).begin() as connection:
            seen = self._host_with(connection, user_id)
            seen.save_subscription(
                connection,
                user_id=user_id,
                endpoint=wanted.endpoint,
                p256dh=wanted.keys.p256dh,
                auth=wanted.keys.auth,
                now=clock(connection),
            )

    def _remove(self, body: Unsubscribe) -> None:
        with engine_of(self._settings).begin() as connection:
            user_id = self._vouched(connection, body.user)
            seen = host.connect(self._settings.host, connection)
            theirs = seen.subscriptions().subquery("theirs")
            rows = connection.execute(
                select(theirs).where(theirs.c.user_id == user_id, theirs.c.endpoint == body.endpoint)
            )
            found = [Subscription(row.subscription_id, row.endpoint, row._mapping["keys"]) for row in rows]
            seen.remove_subscriptions(connection, found)

    def _vouched(self, connection: Connection, voucher: str) -> str:
        """Return the user whom the host vouches for. Raises Refused."""
        secret = self._settings.host_secret
        if secret is None:
            raise Refused(404, "Subscribing is not set up here.")
        try:
            user_id, expires_at = references.parse(secret, voucher, "subscribe")
        except BadReference:
            raise Refused(403, "user: must be a reference that the product has signed.") from None
        now = clock(connection)
        if not now < expires_at <= now + LONGEST_VOUCHER:
            raise Refused(403, "user: has expired, or is good for more than an hour.")
        if not self._by_user.allows(user_id):
            raise Refused(429, "Too many requests: wait a minute.")
        return user_id

    def _host_with(self, connection: Connection, user_id: str) -> Host:
        """Return the host, which must know the user. Raises Refused."""
        seen = host.connect(self._settings.host, connection)
        users = seen.users().subquery("users")
        if not connection.execute(select(users.c.user_id).where(users.c.user_id == user_id)).first():
            raise Refused(403, "user: is not known.")
        return seen


def check(wanted: BrowserSubscription, allowed: frozenset[str]) -> None:
    """Raise Refused unless messages may go there, by address and by what its name resolves to.

    `allowed` are origins beside the known push services.
    """
    address = address_of(wanted.endpoint)
    if address is None or not may_be_posted(address, allowed):
        raise Refused(400, "subscription.endpoint: must be of a push service that is allowed here.")
    if address.origin not in allowed and _is_known_private(address):
        raise Refused(400, "subscription.endpoint: must be on the open internet.")
    if not is_usable(wanted.keys.p256dh, wanted.keys.auth):
        raise Refused(400, "subscription.keys: must be a P-256 point and 16 bytes, in base64url.")


async def read(request: Request, model: type[Body]) -> Body:
    """Return the request's body. Raises Refused, naming the field that is wrong and not what stood in it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "The body must be application/json.")
    try:
        return model.model_validate_json(await body_of(request))
    except TooLarge:
        raise Refused(413, "The body is too large.") from None
    except ValidationError as error:
        known = {"user", "subscription", "endpoint", "keys", "p256dh", "auth", "expirationTime"}
        place = ".".join(str(part) for part in error.errors()[0]["loc"] if part in known)
        raise Refused(400, f"{place or 'The body'}: is missing, of the wrong kind or too long.") from None


def _is_known_private(address: Address) -> bool:
    """Tell whether the name resolves to private addresses only; if it can't be resolved, posting tells."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return not any(is_public(str(each[4][0])) for each in found)
