"""Rates and their uncertainty: pure arithmetic on counts.

Here is what every page needs. `lift`, `survival`, `power` and `better` are imported by name where they
are wanted: some of them load libraries that take a second.
"""

from reengagement.stats.rates import CONFIDENCE, ENOUGH, Rate, probability_below, wilson

__all__ = ["CONFIDENCE", "ENOUGH", "Rate", "probability_below", "wilson"]
