"""What the daemon shows of what it asks of others. Plain data; must never know who reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """One request that stands: asked ``attempts`` times in ``age_s``, ``confirmed`` or not."""

    kind: str
    about: str
    name: str
    confirmed: bool
    attempts: int
    age_s: float
