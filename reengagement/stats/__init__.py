"""Rates and their uncertainty: pure arithmetic on counts.

Here is what every page needs; the other modules are imported by name. What takes a library that loads for
a second or two loads it when it is called: consumers and the command line rarely call it.
"""

from reengagement.stats.rates import CONFIDENCE, ENOUGH, Rate, probability_below, wilson

__all__ = ["CONFIDENCE", "ENOUGH", "Rate", "probability_below", "wilson"]
