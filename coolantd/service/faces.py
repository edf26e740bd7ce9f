"""Every listener of the daemon: all of them stand, or none. Knows listeners; not what they show."""

from collections.abc import Callable, Mapping, Sequence

from coolantd.clock import Clock
from coolantd.config.line_models import ProxyConfig
from coolantd.config.models import Config
from coolantd.errors import CoolantdError
from coolantd.service.control_socket import ControlSocket, Handler
from coolantd.service.http import HttpFace
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.proxies import Proxies
from coolantd.service.view import DaemonView


class Faces:
    """HTTP, the control socket and the proxies.

    Args:
        config: where they listen.
        view: returns what HTTP shows.
        handlers: of the control socket, by command.
        allowed_gid: group that may use the control socket.
        device: returns a device by name, None where there is none on Modbus.
    """

    def __init__(
        self,
        config: Config,
        *,
        view: Callable[[], DaemonView],
        handlers: Mapping[str, Handler],
        allowed_gid: int,
        device: Callable[[str], ModbusDevice | None],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._http = HttpFace(view=view, metrics=metrics, host=config.http.host, port=config.http.port)
        self._proxies = Proxies(device, clock=clock, metrics=metrics)
        self._control = ControlSocket(config.paths.runtime / "control.sock", handlers=handlers, allowed_gid=allowed_gid)

    async def start(self) -> None:
        """Open every listener.

        Raises:
            CoolantdError: one could not be opened; none is.
        """
        try:
            await self._http.start()
            await self._control.start()
            await self.change(self._config.proxies)
        except CoolantdError:
            await self.stop()
            raise

    async def change(self, proxies: Sequence[ProxyConfig]) -> None:
        """Go over to other proxies.

        Raises:
            CoolantdError: one could not be opened; nothing is changed.
        """
        await self._proxies.change(proxies)

    async def stop(self) -> None:
        """Close every listener."""
        await self._control.stop()
        await self._http.stop()
        await self._proxies.stop()
