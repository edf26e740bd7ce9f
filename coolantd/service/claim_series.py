"""Who has each actuator, as series for Prometheus: one for every claim, 1 for the one that holds."""

from collections.abc import Iterator, Sequence

from coolantd.safety.claims import Claim
from coolantd.service.view import ActuatorView

Labels = tuple[tuple[str, str], ...]


def claim_families(actuators: Sequence[ActuatorView]) -> Iterator[tuple[str, str, list[tuple[Labels, float]]]]:
    """Yield the gauge of claims: name, what it is, rows."""
    rows: list[tuple[Labels, float]] = [
        ((("device", each.device), ("point", each.point), ("claim", claim.label)), float(each.claim == claim.label))
        for each in actuators
        for claim in Claim
    ]
    yield "coolantd_actuator_claim", "1 for who has an actuator now, 0 for everybody else", rows
