"""How far open a valve is open, and all ways together must stay: figures that the configuration is checked against."""

from typing import Final

LEAST_OPENING_PCT: Final = 25.0
"""Of all ways of the pumps together: one branch as far open as balancing leaves the least of them by default."""
SHUT_PCT: Final = 5.0
"""A valve measured below this is shut, one above 100 less this is open: position sensors are good to 2 %."""
