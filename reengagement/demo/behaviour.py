"""How the simulated push service answers when it is asked to misbehave."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Misbehaviour = Literal["hang", "reset", "accept_then_reset", "accept_then_hang"]


class Behaviour(BaseModel):
    """One instruction: `answer` is an HTTP status or a misbehaviour; 201 is the ordinary answer.

    It holds for one phone (`endpoint`) or for all, for the next `times` requests or until replaced.
    `delay` in seconds goes before any answer.
    """

    model_config = ConfigDict(extra="forbid")

    answer: Annotated[int, Field(ge=200, le=599)] | Misbehaviour = 201
    endpoint: str | None = None
    retry_after: str | None = None
    delay: Annotated[float, Field(ge=0, le=3600)] = 0
    times: Annotated[int | None, Field(ge=1)] = None

    @property
    def token(self) -> str | None:
        return self.endpoint.rpartition("/")[2] if self.endpoint else None


ORDINARY = Behaviour()


class Behaviours:
    """The instructions in force: at most one in general and one for each phone."""

    def __init__(self) -> None:
        self._by_token: dict[str | None, Behaviour] = {}

    def set(self, behaviour: Behaviour) -> None:
        self._by_token[behaviour.token] = behaviour

    def clear(self) -> None:
        self._by_token.clear()

    def now_in_force(self) -> list[Behaviour]:
        return list(self._by_token.values())

    def next_for(self, token: str) -> Behaviour:
        """Return how to answer this request, and count it down."""
        key = token if token in self._by_token else None
        behaviour = self._by_token.get(key, ORDINARY)
        if behaviour.times == 1:
            del self._by_token[key]
        elif behaviour.times is not None:
            self._by_token[key] = behaviour.model_copy(update={"times": behaviour.times - 1})
        return behaviour
