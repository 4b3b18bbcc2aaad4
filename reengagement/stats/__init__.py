"""Rates and their uncertainty: pure arithmetic on counts.

Here is what every page needs. The other modules are imported by name where they are wanted: `lift` and
`power` load a library that takes two seconds.
"""

from reengagement.stats.rates import CONFIDENCE, ENOUGH, Rate, probability_below, wilson

__all__ = ["CONFIDENCE", "ENOUGH", "Rate", "probability_below", "wilson"]
