"""A serial line on which everything goes wrong by chance, on a pty and over TCP: no wrong value is ever believed.

FM-38 and FM-39. Half of all replies are late, cut, turned over, doubled, of another unit or register, or noise. In RTU
nothing but a CRC and silence tells replies apart; a reply that is believed must be the one that was asked for.
Everything runs ten times faster than stated (``RATE_RATIO``); 300 reads a line, 3 000 with COOLANTD_FULL=1.
"""

import asyncio
import os
import random
from collections import Counter

import pytest
from rtu_device import AskedRtu, PtyLine, RtuDevice, Say, TcpLine, good_reply, refusal, sealed, values_at

from coolantd.clock import SystemClock
from coolantd.device.modbus_serial import ModbusRtuTcpLink, ModbusSerialLink
from coolantd.device.rtu_link import RtuLink
from coolantd.errors import DeviceError
from coolantd.protocol.kinds import Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RATE_RATIO = 10.0
REQUESTS = 3_000 if os.environ.get("COOLANTD_FULL") == "1" else 300
TROUBLED_RATIO = 0.5
DEADLINE_S = 0.2
TURNAROUND_S = 0.25
"""The longest that any unit takes after the deadline; what comes later than that nothing can tell from a good reply."""
UNIT = 1
WORDS = 2
"""The same for every read: the shape of a reply never gives it away."""
CALM_READS = 20
KINDS = (
    "silence", "late", "late_pieces", "cut", "bit", "two_bits", "double", "other_unit", "other_register",
    "other_function", "noise_before", "noise_after", "noise", "short", "long", "echo", "refusal", "slow_pieces",
)  # fmt: skip


def turned(frame: bytes, rng: random.Random, bits: int) -> bytes:
    """A frame with some bits turned over; up to two of them a CRC always finds."""
    changed = bytearray(frame)
    for at in rng.sample(range(8 * len(frame)), bits):
        changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def other(asked: AskedRtu, at: int, value: int) -> AskedRtu:
    return AskedRtu(sealed(asked.frame[:at] + bytes([value]) + asked.frame[at + 1 : -2]))


def trouble(kind: str, asked: AskedRtu, rng: random.Random) -> list[tuple[float, bytes]]:
    """What is said about a request, and how long (in the clock's seconds) after what was said before."""
    reply, late_s = good_reply(asked), DEADLINE_S + rng.uniform(0.01, 0.8 * TURNAROUND_S)
    half = rng.randrange(1, len(reply))
    return {
        "silence": [],
        "late": [(late_s, reply)],
        "late_pieces": [(DEADLINE_S - 0.02, reply[:half]), (0.08, reply[half:])],
        "cut": [(0.0, reply[:half])],
        "bit": [(0.0, turned(reply, rng, 1))],
        "two_bits": [(0.0, turned(reply, rng, 2))],
        "double": [(0.0, reply + reply)],
        "other_unit": [(0.0, good_reply(other(asked, 0, 2)))],
        "other_register": [(0.0, good_reply(other(asked, 3, asked.frame[3] ^ 5)))],
        "other_function": [(0.0, good_reply(other(asked, 1, 4)))],
        "noise_before": [(0.0, rng.randbytes(rng.randrange(1, 9)) + reply)],
        "noise_after": [(0.0, reply + rng.randbytes(rng.randrange(1, 9)))],
        "noise": [(0.0, rng.randbytes(rng.randrange(1, 200)))],
        "short": [(0.0, sealed(reply[:2] + bytes([2]) + reply[3:5]))],
        "long": [(0.0, sealed(reply[:2] + bytes([6]) + reply[3:7] + b"ab"))],
        "echo": [(0.0, asked.frame)],
        "refusal": [(0.0, refusal(asked, 4))],
        "slow_pieces": [(0.01, reply[k : k + 1]) for k in range(len(reply))],
    }[kind]


class Trouble:
    """A device that answers half of all requests in one of the ways above."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.on = True

    async def __call__(self, asked: AskedRtu, say: Say) -> None:
        kind = self.rng.choice(KINDS) if self.on and self.rng.random() < TROUBLED_RATIO else ""
        self.done[kind] += 1
        for after_s, data in trouble(kind, asked, self.rng) if kind else [(0.0, good_reply(asked))]:
            if after_s:
                await asyncio.sleep(after_s / RATE_RATIO)
            say(data)


class Endless:
    """The same script for every request."""

    def __init__(self, script: Trouble) -> None:
        self._script = script

    def popleft(self) -> Trouble:
        return self._script


async def link_to(line: PtyLine | TcpLine) -> RtuLink:
    clock = SystemClock(RATE_RATIO)
    if isinstance(line, TcpLine):
        return ModbusRtuTcpLink("127.0.0.1", line.port, turnaround_s=TURNAROUND_S, clock=clock)
    return ModbusSerialLink(line.path, baudrate=115200, turnaround_s=TURNAROUND_S, clock=clock)


async def read(link: RtuLink, address: int) -> tuple[int, ...] | None:
    """What was read; None where the link says that it failed. Connects first where the link has hung up."""
    try:
        if not link.connected:
            await link.connect()
        return await link.read(UNIT, Table.HOLDING, address, WORDS, deadline_s=DEADLINE_S)
    except DeviceError:
        return None


def wrongly_believed(kind: str) -> bool:
    """Another register's reply with a right CRC is, in RTU, that of the one asked: nothing in it tells them apart."""
    return kind == "other_register"


@pytest.mark.parametrize("line_class", [PtyLine, TcpLine])
@pytest.mark.parametrize("seed", [1, 2])
async def test_fm_38_fm_39_no_trouble_on_a_line_makes_a_wrong_value_of_a_right_one(line_class, seed):
    device, script = RtuDevice(), Trouble(seed)
    device.scripts = Endless(script)
    line = line_class(device)
    await line.start()
    link = await link_to(line)
    rng = random.Random(seed)
    right, failed, wrong = 0, 0, []
    for _ in range(REQUESTS):
        address = rng.randrange(65_000)
        before = script.done.copy()
        words = await read(link, address)
        kinds = script.done - before
        if words is None:
            failed += 1
        elif words == values_at(address, WORDS):
            right += 1
        elif not any(map(wrongly_believed, kinds)):
            wrong.append((address, words, dict(kinds)))
    script.on = False
    calm = [await read(link, address) for address in range(CALM_READS)]
    print(f"\n{line_class.__name__} seed {seed}: {right} right, {failed} failed of {REQUESTS}, {len(wrong)} wrong")
    await link.close()
    await line.stop()
    assert wrong == []
    assert right > REQUESTS / 4
    assert failed > REQUESTS / 10
    assert calm[3:] == [values_at(address, WORDS) for address in range(3, CALM_READS)], "it comes back when all is well"
    assert set(KINDS) <= set(script.done) | {""}
