"""Checked kinds of value a TOML file may hold. Knows no section of the configuration, only values.

Every check answers with an ``allowed`` text, so that a message can name the whole range, not just the broken end.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from coolantd.control.sensor_layout import MEMBERS_MAX

TOKEN_PATTERN: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""Names appear in metric labels, MQTT topics and file names: nothing there may need escaping."""
REFERENCE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_-]*\.[a-z][a-z0-9_]*")
HOST_PATTERN: Final = re.compile(
    r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?"  # RFC 1035; an IPv4 address is of the same form
    r"|[0-9A-Fa-f:]{0,39}:[0-9A-Fa-f:]{0,39}(\d{1,3}(\.\d{1,3}){3})?"
)
TOPIC_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:-]+(/[A-Za-z0-9_.:-]+)*")
TOKEN_LENGTH_MAX: Final = 64
HOST_LENGTH_MAX: Final = 253
"""RFC 1035: the longest name of a host."""
TOPIC_LENGTH_MAX: Final = 200
"""Leaves room below MQTT's 65 535 bytes for every suffix, and keeps log lines readable."""
TEXT_LENGTH_MAX: Final = 4096


class Model(BaseModel):
    """Base of every section: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def within(low: float, high: float, *, low_open: bool = False) -> AfterValidator:
    """Return a check that a number lies in ``[low, high]``, or ``(low, high]`` with ``low_open``."""
    allowed = f"above {low:g}, up to {high:g}" if low_open else f"{low:g} to {high:g}"

    def check(value: float) -> float:
        inside = (low < value if low_open else low <= value) and value <= high
        if not inside:
            raise PydanticCustomError("range", "out of range", {"allowed": allowed})
        return value

    return AfterValidator(check)


def _matching(pattern: re.Pattern[str], length_max: int, allowed: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if len(value) > length_max or not pattern.fullmatch(value):
            raise PydanticCustomError("form", "malformed", {"allowed": allowed})
        return value

    return check


def _absolute(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("form", "wrong type", {"allowed": "a path as a string"})
    if "\0" in value or len(value) > TEXT_LENGTH_MAX or not value.startswith("/"):
        raise PydanticCustomError("form", "not an absolute path", {"allowed": "a path that begins with /"})
    return Path(value)


_STRICT_NUMBER = Field(strict=True, allow_inf_nan=False)

Number = Annotated[float, _STRICT_NUMBER]
"""A finite float; a TOML integer is taken too, a boolean or a string is not."""
Integer = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=TEXT_LENGTH_MAX)]

Token = Annotated[
    str,
    Field(strict=True),
    AfterValidator(_matching(TOKEN_PATTERN, TOKEN_LENGTH_MAX, "a-z first, then a-z 0-9 _ -, at most 64 characters")),
]
Reference = Annotated[
    str,
    Field(strict=True),
    AfterValidator(
        _matching(REFERENCE_PATTERN, 2 * TOKEN_LENGTH_MAX, "device.point, for example cdu1.tcs_supply_temp_c")
    ),
]
"""``device.point``."""

SENSORS_ALLOWED: Final = f"device.point, or a list of 1 to {MEMBERS_MAX} different ones"


def _sensors(value: Any) -> str | tuple[str, ...]:
    """Return one reference, or several in the order in which they were given; a list of one is that one."""
    given = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    if not 1 <= len(given) <= MEMBERS_MAX:
        raise PydanticCustomError("form", "neither a sensor nor some", {"allowed": SENSORS_ALLOWED})
    for each in given:
        if not isinstance(each, str) or len(each) > 2 * TOKEN_LENGTH_MAX or not REFERENCE_PATTERN.fullmatch(each):
            raise PydanticCustomError("form", "malformed", {"allowed": SENSORS_ALLOWED})
    if len(set(given)) < len(given):
        raise PydanticCustomError("form", "the same sensor twice", {"allowed": SENSORS_ALLOWED})
    return given[0] if len(given) == 1 else given


Sensors = Annotated[str | tuple[str, ...], PlainValidator(_sensors), PlainSerializer(lambda given: given)]
"""A measured quantity: one ``device.point``, or several sensors of it that vote."""
Host = Annotated[
    str,
    Field(strict=True),
    AfterValidator(_matching(HOST_PATTERN, HOST_LENGTH_MAX, "a host name or an IP address, without a port")),
]
Topic = Annotated[
    str,
    Field(strict=True),
    AfterValidator(
        _matching(
            TOPIC_PATTERN, TOPIC_LENGTH_MAX, "levels of A-Z a-z 0-9 _ . : - joined by /, no wildcard, no empty level"
        )
    ),
]
AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]
"""A service has no working directory worth naming, so paths are absolute."""

Port = Annotated[int, Field(strict=True), within(1, 65535)]
ListenPort = Annotated[int, Field(strict=True), within(0, 65535)]
"""0 asks the system for a free port: tests and demonstrations."""
Pct = Annotated[float, _STRICT_NUMBER, within(0.0, 100.0)]
PositivePct = Annotated[float, _STRICT_NUMBER, within(0.0, 100.0, low_open=True)]
