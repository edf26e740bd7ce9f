"""Small sites for tests of the deterministic simulation, and daemons that are broken on purpose."""

import struct
from dataclasses import replace

from coolantd.app import Daemon
from coolantd.sim.dst.drawing import Plan
from coolantd.sim.dst.faults import Fault
from coolantd.sim.dst.settings import Bay
from coolantd.sim.dst.universe import Universe

STATUS, VALVE, PUMPS, REMOTE, HEARTBEAT = 5000, 352, (246, 222), 8697, 300
DEW_WORDS = slice(40, 42)


def plan(*faults: Fault, site: tuple[Fault, ...] = (), duration_s: float = 240.0, **bay) -> Plan:
    """One CDU at one-second cycles."""
    return Plan(
        seed=1,
        bays=(Bay(seed=1, **bay),),
        faults=(faults,),
        site=site,
        period_s=1.0,
        mqtt=bay.get("manifold", False),
        duration_s=duration_s,
    )


def run(wanted, kernels, **others):
    """Run a plan; ``others`` go to the universe."""
    stages, advance = kernels
    return Universe(wanted, stages=stages, advance=advance, **others).run()


def found(wanted, kernels, **others):
    """The invariants that a run breaks."""
    return {violation.invariant for violation in run(wanted, kernels, **others).violations}


class Link:
    """A link that does what it is told; what is broken about it is somebody else's override."""

    def __init__(self, link, clock):
        self.link, self.clock, self.begun_s = link, clock, clock.now_s()

    @property
    def connected(self):
        return self.link.connected

    @property
    def run_s(self):
        return self.clock.now_s() - self.begun_s

    async def connect(self):
        await self.link.connect()

    async def close(self):
        await self.link.close()

    async def read(self, unit, table, address, count, *, deadline_s):
        return await self.link.read(unit, table, address, count, deadline_s=deadline_s)

    async def write(self, unit, table, address, words, *, deadline_s):
        await self.link.write(unit, table, address, words, deadline_s=deadline_s)


def with_link(kind, daemon=Daemon):
    """Return what makes a daemon whose links are of a broken kind."""

    def make(path, *, clock, rng, surroundings):
        whole = surroundings.make_link

        def link(way, clock, pulse):
            return kind(whole(way, clock, pulse), clock)

        return daemon(path, clock=clock, rng=rng, surroundings=replace(surroundings, make_link=link))

    return make


def f32(words):
    """Return the number in two registers, low word first."""
    return struct.unpack(">f", struct.pack(">HH", words[1], words[0]))[0]


def words_of(value):
    """Return the registers of a number."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high
