"""A product's year in a minute: the real planner and the real settlement, day by day, with simulated people.

Only people, push services and time are simulated; what is planned, sent, counted and closed goes
through the code that does it in earnest, with `now` as an argument.
"""

from reengagement.simulate.behaviour import Behaviour
from reengagement.simulate.days import ORIGIN, NotEmpty, Simulated, simulate

__all__ = ["ORIGIN", "Behaviour", "NotEmpty", "Simulated", "simulate"]
