"""Every read-only proxy of a site, and how it sees the devices of the polling engine. Knows configuration.

It must never know a frame; and it reads devices, nothing more.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator

from coolantd.clock import Clock
from coolantd.config.line_models import ProxyConfig
from coolantd.errors import CoolantdError
from coolantd.point import STALE_BAD_PERIODS
from coolantd.protocol.kinds import Table
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.proxy import ProxiedDevice, ProxyServer
from coolantd.service.raw_cache import RawCache


class PolledDevice:
    """A device of the polling engine as the proxy sees it."""

    def __init__(self, device: ModbusDevice) -> None:
        self._device = device

    @property
    def raw(self) -> RawCache:
        """Return what the device last said."""
        return self._device.raw

    @property
    def available(self) -> bool:
        """Return whether the device is up."""
        return self._device.up

    def max_ages_s(self, table: Table, address: int, count: int) -> tuple[float, ...]:
        """Return (count,) bad ages of the registers; of reads that overlap, the most frequent one counts.

        What is read once, at each connect, counts for as long as the device is available.
        """
        end = address + count
        ages_s = [math.nan] * count
        for age_s, start, length in sorted(self._reads(table, address, end), reverse=True):
            first, last = max(start, address), min(start + length, end)
            ages_s[first - address : last - address] = [age_s] * (last - first)
        return tuple(ages_s)

    def _reads(self, table: Table, address: int, end: int) -> Iterator[tuple[float, int, int]]:
        """Yield bad age, address and length of every read that touches these registers."""
        for ask in self._device.spans:
            if ask.table is table and ask.address < end and address < ask.address + ask.count:
                yield STALE_BAD_PERIODS * ask.period_s, ask.address, ask.count
        for text in self._device.profile.texts:
            if text.table is table and text.address < end and address < text.address + text.register_count:
                yield math.inf, text.address, text.register_count


class Proxies:
    """Every proxy of a site.

    Args:
        lookup: returns a Modbus device by name as it is now; None where there is none.
        clock: whose seconds the ages are in.
        metrics: where requests and clients are counted.
    """

    def __init__(self, lookup: Callable[[str], ModbusDevice | None], *, clock: Clock, metrics: Metrics) -> None:
        self._lookup = lookup
        self._clock = clock
        self._metrics = metrics
        self._servers: dict[str, ProxyServer] = {}

    async def change(self, configs: Iterable[ProxyConfig]) -> None:
        """Listen where these say, and nowhere else; a listener that stays keeps its clients.

        Raises:
            CoolantdError: an address cannot be bound; then everything is as it was.
        """
        wanted = {config.endpoint: config for config in configs}
        added = {at: self._server(config) for at, config in wanted.items() if at not in self._servers}
        leaving = {at: server for at, server in self._servers.items() if at not in wanted}
        # A port moves to another address only once it is free: a wildcard takes it from every other.
        ports = {server.port for server in added.values()}
        in_the_way = [server for server in leaving.values() if server.port in ports]
        await _stop(in_the_way)
        try:
            for server in added.values():
                await server.start()
        except CoolantdError:
            await _stop(added.values())
            for server in in_the_way:
                await server.start()
            raise
        await _stop(leaving.values())
        self._servers = {at: added.get(at) or self._servers[at] for at in wanted}
        for at, server in self._servers.items():
            server.show(wanted[at].units)

    async def stop(self) -> None:
        """Close everything, within ``STOP_TIMEOUT_S``."""
        await _stop(self._servers.values())
        self._servers = {}

    def _server(self, config: ProxyConfig) -> ProxyServer:
        return ProxyServer(config.host, config.port, config.units, self._find, clock=self._clock, metrics=self._metrics)

    def _find(self, name: str) -> ProxiedDevice | None:
        device = self._lookup(name)
        return None if device is None else PolledDevice(device)


async def _stop(servers: Iterable[ProxyServer]) -> None:
    await asyncio.gather(*(server.stop() for server in servers))
