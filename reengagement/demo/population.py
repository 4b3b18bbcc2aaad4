"""Who the demo's two thousand people are: names, dogs, phones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from reengagement.demo.names import DOGS, MEN, SURNAMES, WOMEN, latin

DOG_SHARE = 0.82
"""The others have not told the dog's name, so that texts without it are seen too."""
ONE_PHONE_SHARE = 0.70
TWO_PHONES_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class Person:
    """One user of the demo's product. `phones` is how many push subscriptions they begin with."""

    id: str
    username: str
    email: str
    dog: str | None
    phones: int


def make_people(count: int, seed: int) -> list[Person]:
    """Return `count` people, the same ones for the same seed; usernames are unique."""
    chance = random.Random(f"people {seed}")
    taken: set[str] = set()
    return [_person(number, chance, taken) for number in range(1, count + 1)]


def _person(number: int, chance: random.Random, taken: set[str]) -> Person:
    woman = chance.random() < 0.62
    first = chance.choice(WOMEN if woman else MEN)
    last = chance.choice(SURNAMES) + ("а" if woman else "")
    username = next(name for name in _usernames(first, last, number, chance) if name not in taken)
    taken.add(username)
    drawn = chance.random()
    return Person(
        id=f"user-{number:05}",
        username=username,
        email=f"{latin(first)}.{latin(last)}.{number}@example.org",
        dog=chance.choice(DOGS) if chance.random() < DOG_SHARE else None,
        phones=2 if drawn < TWO_PHONES_SHARE else 1 if drawn < TWO_PHONES_SHARE + ONE_PHONE_SHARE else 0,
    )


def _usernames(first: str, last: str, number: int, chance: random.Random) -> Iterator[str]:
    """Yield what this person would like to be called, best first; the last one is free for certain."""
    wishes = [first, f"{first} {last[0]}.", f"{first} {last}", f"{latin(first)}_{latin(last)}"]
    yield from wishes[chance.randrange(len(wishes)) :]
    yield f"{first} {last}"
    yield f"{latin(first)}_{latin(last)}_{number}"
