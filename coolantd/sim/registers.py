"""A device's memory laid out after its profile: named points and texts over words and coils. Knows no plant, no socket.

The profile that tells the daemon how to decode tells the virtual device how to encode, so there is one map.
"""

from collections.abc import Sequence

from coolantd.protocol import codec
from coolantd.protocol.profile import Coding, Profile, RegisterPoint, Table, TextPoint
from coolantd.protocol.text import encode_text
from coolantd.units import SOURCE_UNITS


class RegisterImage:
    """Words and coils of one device, all 0 at first.

    Args:
        profile: the device's; only its holding registers and coils exist here.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._points = {point.name: point for point in profile.registers}
        self._texts = {text.name: text for text in profile.texts if text.table is Table.HOLDING}
        self._words = {address: 0 for point in profile.registers for address in _addresses(point, Table.HOLDING)}
        self._words |= {address: 0 for text in self._texts.values() for address in _text_addresses(text)}
        self._coils = {point.address: False for point in profile.registers if point.table is Table.COIL}
        self._covering: dict[int, RegisterPoint] = {
            address: point
            for point in profile.registers
            if point.coding is not Coding.BITS
            for address in _addresses(point, Table.HOLDING)
        }
        self._coil_points = {point.address: point for point in profile.registers if point.table is Table.COIL}

    def __contains__(self, name: str) -> bool:
        """Return whether the profile has a point of this name."""
        return name in self._points

    @property
    def holding_addresses(self) -> tuple[int, ...]:
        """Return the address of every holding register there is."""
        return tuple(sorted(self._words))

    @property
    def coil_addresses(self) -> tuple[int, ...]:
        """Return the address of every coil there is."""
        return tuple(sorted(self._coils))

    def put(self, name: str, value: float, *, imperial: bool = False) -> None:
        """Store a value given in the point's canonical unit.

        Args:
            name: of a point in the profile.
            value: in the point's unit; a bit or coil is set by anything but 0.
            imperial: store the point's imperial unit where it has one.
        """
        point = self._points[name]
        if point.table is Table.COIL:
            self._coils[point.address] = bool(value)
        elif point.coding is Coding.BITS:
            mask = ((1 << point.bit_count) - 1) << point.bit
            self._words[point.address] = self._words[point.address] & ~mask | (int(value) << point.bit) & mask
        else:
            stored = _as_imperial(point, value) if imperial else value
            self._store(point.address, codec.encode(point, stored))

    def put_text(self, name: str, text: str) -> None:
        """Store a text, padded as the device pads it."""
        point = self._texts[name]
        self._store(point.address, encode_text(point, text))

    def put_words(self, address: int, words: Sequence[int]) -> None:
        """Store words as they are; all must exist."""
        self.words(address, len(words))
        self._store(address, words)

    def get(self, name: str) -> float:
        """Return the value of a point in its canonical unit (of a coil: 0 or 1)."""
        point = self._points[name]
        if point.table is Table.COIL:
            return float(self._coils[point.address])
        return codec.decode(point, self.words(point.address, point.coding.register_count))

    def is_coil(self, name: str) -> bool:
        """Return whether a point is a coil."""
        return self._points[name].table is Table.COIL

    def encoded(self, name: str, value: float) -> tuple[int, tuple[int, ...]]:
        """Return where a point lies and what it holds for a value in its canonical unit.

        Raises:
            LookupError: no such point.
            ValueError: it cannot hold the value.
        """
        point = self._points[name]
        return point.address, codec.encode(point, value)

    def words(self, address: int, count: int) -> list[int]:
        """Return words; all must exist."""
        return [self._words[address + index] for index in range(count)]

    def coil(self, address: int) -> bool:
        """Return one coil; it must exist."""
        return self._coils[address]

    def points_at(self, address: int, count: int) -> list[RegisterPoint] | None:
        """Return the points that exactly fill a range of holding registers; None if one is cut or missing."""
        points: list[RegisterPoint] = []
        end = address + count
        while address < end:
            point = self._covering.get(address)
            if point is None or point.address != address or address + point.coding.register_count > end:
                return None
            points.append(point)
            address += point.coding.register_count
        return points

    def coil_point(self, address: int) -> RegisterPoint | None:
        """Return the point of a coil."""
        return self._coil_points.get(address)

    def _store(self, address: int, words: Sequence[int]) -> None:
        for index, word in enumerate(words):
            self._words[address + index] = word


def _addresses(point: RegisterPoint, table: Table) -> range:
    if point.table is not table:
        return range(0)
    return range(point.address, point.address + point.coding.register_count)


def _text_addresses(text: TextPoint) -> range:
    return range(text.address, text.address + text.register_count)


def _as_imperial(point: RegisterPoint, value: float) -> float:
    if point.imperial_unit is None:
        return value
    _, factor, offset = SOURCE_UNITS[point.imperial_unit]
    return (value - offset) / factor
