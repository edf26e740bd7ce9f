"""What a configuration says, as frozen models. Knows shapes and ranges; never a file, a line or a profile.

Each range is wide enough for any plant in sight and narrow enough to catch a slipped decimal point or a wrong
unit. What depends on two places at once is checked in ``crosscheck``.
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.balance_model import BRANCHES_MAX, BalanceConfig
from coolantd.config.duty_models import PumpsConfig
from coolantd.config.estimate_models import EstimateConfig
from coolantd.config.fields import (
    AbsolutePath,
    Flag,
    Host,
    Integer,
    ListenPort,
    Model,
    Number,
    Pct,
    Port,
    PositivePct,
    Reference,
    Sensors,
    Text,
    Token,
    Topic,
    within,
)
from coolantd.config.leak_models import ZONES_MAX, LeakZoneConfig
from coolantd.config.limit_models import LimitsConfig
from coolantd.config.line_models import LINES_MAX, PROXIES_MAX, LineConfig, ModbusRtuConfig, ProxyConfig
from coolantd.config.plant_model import ModelConfig
from coolantd.config.pump_models import (
    TABLE_ROWS_MAX,
    FlowRow,
    MaximumPressure,
    MaximumReturnTemp,
    MinimumFlow,
    PumpResetConfig,
    SupplyResetConfig,
    one_pump_set,
)
from coolantd.config.sensor_models import SensorsConfig
from coolantd.config.setpoint_range import PUMP_KPA_MAX, PUMP_LPM_MAX, PUMP_RISE_K, SUPPLY_TEMP_C
from coolantd.control.group_layout import GROUP_MAX
from coolantd.control.layout import PUMPS_MAX

DEVICES_MAX: Final = 256
"""One event loop polls them all twice a second; far above one row of racks."""
CDUS_MAX: Final = 100
"""The size at which the cost of a cycle is measured."""
VALVE_ROWS_MAX: Final = 32
"""Far more than a valve's characteristic has bends."""

PollPeriod = Annotated[Number, within(0.05, 3600.0)]
"""Below 50 ms a PLC's own scan (about 10 to 50 ms) is the limit; above an hour nobody would notice it missing."""
LoopTime = Annotated[Number, within(0.1, 36_000.0)]
"""From one fast control period to ten hours, slower than any coolant loop."""


class SiteConfig(Model):
    """Where this daemon works: ``name`` is a label on what it publishes."""

    name: Token


class ControlConfig(Model):
    """The cycle: ``period_s`` seconds between two decisions."""

    # Faster than 0.1 s outruns the pollers; slower than 5 s no longer catches a loss of flow (about 6 s to 75 degC).
    period_s: Annotated[Number, within(0.1, 5.0)] = 0.5


class HttpConfig(Model):
    """The one listener. A host beyond loopback must be asked for with ``allow_remote``."""

    host: Host = "127.0.0.1"
    port: ListenPort = 9470
    allow_remote: Flag = False


class PathsConfig(Model):
    """Directories; systemd makes the first three. ``profiles_dir`` holds the site's own device profiles."""

    state: AbsolutePath = Path("/var/lib/coolantd")
    cache: AbsolutePath = Path("/var/cache/coolantd")
    runtime: AbsolutePath = Path("/run/coolantd")
    profiles_dir: AbsolutePath | None = None


class MqttConfig(Model):
    """The broker. A password comes from a file or a systemd credential, never from the configuration itself.

    Attributes:
        topic: the daemon's own state is published below it.
        password_credential: name of a file below ``$CREDENTIALS_DIRECTORY``.
        ca_file: certificate authority of the broker; TLS is used when it is set.
    """

    host: Host
    port: Port = 1883
    client_id: Token
    topic: Topic
    username: Text | None = None
    password_file: AbsolutePath | None = None
    password_credential: Token | None = None
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.password_file is not None and self.password_credential is not None:
            raise _together("both password_file and password_credential are set", "at most one of them")
        if self.username is None and (self.password_file or self.password_credential):
            raise _together("a password is named without username", "username with it")
        return self


class ModbusTcpConfig(Model):
    """Where a Modbus TCP device answers; ``unit_id`` 0 and 255 both mean the device itself on some of them."""

    host: Host
    port: Port = 502
    unit_id: Annotated[Integer, within(0, 255)] = 1


class MqttDeviceConfig(Model):
    """Where an MQTT device speaks: its ``topic``, and how many ``branches`` a manifold has."""

    topic: Topic
    branches: Annotated[Integer, within(0, BRANCHES_MAX)] = 0


class DeviceConfig(Model):
    """One device and how to reach it; exactly one of ``modbus_tcp``, ``modbus_rtu`` and ``mqtt`` is set.

    Attributes:
        monitor_only: its actuators are meant to be left alone. A device that has some and that no CDU or manifold
            names is refused otherwise: a file cut short after its devices must not pass for one that controls
            nothing (FM-43).
    """

    name: Token
    profile: Token
    modbus_tcp: ModbusTcpConfig | None = None
    modbus_rtu: ModbusRtuConfig | None = None
    mqtt: MqttDeviceConfig | None = None
    poll_fast_s: PollPeriod = 0.5
    poll_normal_s: PollPeriod = 5.0
    poll_slow_s: PollPeriod = 60.0
    monitor_only: Flag = False

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        given = [way for way in (self.modbus_tcp, self.modbus_rtu, self.mqtt) if way is not None]
        if len(given) != 1:
            what = "several transports" if given else "no transport"
            raise _together(f"{what} for this device", "exactly one of modbus_tcp, modbus_rtu and mqtt")
        return self

    @property
    def transport(self) -> str:
        """Return the key that is set: ``modbus_tcp``, ``modbus_rtu`` or ``mqtt``."""
        if self.mqtt is not None:
            return "mqtt"
        return "modbus_tcp" if self.modbus_tcp is not None else "modbus_rtu"

    @property
    def unit_id(self) -> int | None:
        """Return the Modbus unit, None for an MQTT device."""
        way = self.modbus_tcp or self.modbus_rtu
        return None if way is None else way.unit_id


def _integral_time(validated: dict[str, Any]) -> float:
    return float(validated.get("integral_time_s", 0.0))


class _LoopConfig(Model):
    """What the two loops of a CDU share.

    Attributes:
        derivative_filter_ratio: derivative time over the filter's time constant (N).
        setpoint_weight_ratio: share of a setpoint change that acts at once through the proportional term (b).
        tracking_time_s: time constant of the anti-windup back-calculation; ``integral_time_s`` unless set.
    """

    process_variable: Sensors
    integral_time_s: LoopTime
    derivative_time_s: Annotated[Number, within(0.0, 3600.0)] = 0.0
    # Below 2 the filter swallows the derivative; above 100 it filters no noise at all.
    derivative_filter_ratio: Annotated[Number, within(2.0, 100.0)] = 8.0
    setpoint_weight_ratio: Annotated[Number, within(0.0, 1.0)] = 1.0
    tracking_time_s: LoopTime = Field(default_factory=_integral_time)
    output_min_pct: Pct = 0.0
    output_max_pct: Pct = 100.0


class SupplyTempLoopConfig(_LoopConfig):
    """TCS supply temperature to facility water valve. ``gain_pct_per_k`` is positive: warmer opens the valve.

    The setpoint in force is never below the dew point plus ``dew_point_margin_k``; ``dew_point_design_c``, the
    worst dew point of the site, stands in while no measured one is good.
    """

    manipulated_variable: Reference
    # Liquid-cooled racks take 17 to 45 degC supply; the device's own alarm is at 65 degC.
    setpoint_c: Annotated[Number, within(*SUPPLY_TEMP_C)]
    setpoint_rate_k_per_min: Annotated[Number, within(0.0, 30.0, low_open=True)]
    dew_point: Sensors
    dew_point_design_c: Annotated[Number, within(-20.0, 35.0)]  # 35 degC is beyond any weather on record
    dew_point_margin_k: Annotated[Number, within(0.0, 15.0)]
    # At 100 %/K the loop is a switch.
    gain_pct_per_k: Annotated[Number, within(0.0, 100.0, low_open=True)]
    # 5 %/s: a faster valve hammers the facility water (FM-11).
    output_rate_pct_per_s: Annotated[Number, within(0.0, 5.0, low_open=True)]
    reset: SupplyResetConfig | None = None


class PressureLoopConfig(_LoopConfig):
    """TCS differential pressure, flow or the coolant's rise to pump speed; one of three sets of three keys is set.

    ``gain``, ``setpoint`` and ``setpoint_rate_per_min`` give whichever set is used, in ``unit``. A rise above its
    setpoint speeds the pumps up. ``flow_table`` is what the racks want at ``inlet_temp``, in place of ``setpoint_lpm``.
    """

    manipulated_variables: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=PUMPS_MAX)]
    # The device's own alarm is at 400 kPa supply; 1000 kPa is above every published CDU head.
    setpoint_kpa: Annotated[Number, within(0.0, PUMP_KPA_MAX, low_open=True)] | None = None
    gain_pct_per_kpa: Annotated[Number, within(0.0, 100.0, low_open=True)] | None = None
    setpoint_rate_kpa_per_min: Annotated[Number, within(0.0, 6000.0, low_open=True)] | None = None
    # The largest published CDU moves about 2000 L/min.
    setpoint_lpm: Annotated[Number, within(0.0, PUMP_LPM_MAX, low_open=True)] | None = None
    gain_pct_per_lpm: Annotated[Number, within(0.0, 100.0, low_open=True)] | None = None
    setpoint_rate_lpm_per_min: Annotated[Number, within(0.0, 60_000.0, low_open=True)] | None = None
    # Return less supply; cold plates are made for 5 to 20 K.
    setpoint_k: Annotated[Number, within(*PUMP_RISE_K)] | None = None
    gain_pct_per_k: Annotated[Number, within(0.0, 100.0, low_open=True)] | None = None
    setpoint_rate_k_per_min: Annotated[Number, within(0.0, 60.0, low_open=True)] | None = None
    # 10 %/s: a faster pump hammers the racks' hoses (FM-11).
    output_rate_pct_per_s: Annotated[Number, within(0.0, 10.0, low_open=True)]
    minimum_flow: MinimumFlow | None = None
    maximum_pressure: MaximumPressure | None = None
    maximum_return_temp: MaximumReturnTemp | None = None
    flow_table: Annotated[tuple[FlowRow, ...], Field(max_length=TABLE_ROWS_MAX)] = ()
    inlet_temp: Reference | None = None
    reset: PumpResetConfig | None = None

    @model_validator(mode="after")
    def _one_variable(self) -> Self:
        one_pump_set(self.__dict__)
        return self

    @property
    def unit(self) -> Literal["kPa", "L/min", "K"]:
        """Return the unit of setpoint and process variable."""
        if self.setpoint_k is not None:
            return "K"
        return "L/min" if self.setpoint_kpa is None else "kPa"

    @property
    def setpoint(self) -> float:
        """Return the setpoint in ``unit``."""
        return _first(self.setpoint_kpa, self.setpoint_lpm, self.setpoint_k)

    @property
    def gain(self) -> float:
        """Return the proportional gain in % per ``unit``."""
        return _first(self.gain_pct_per_kpa, self.gain_pct_per_lpm, self.gain_pct_per_k)

    @property
    def setpoint_rate_per_min(self) -> float:
        """Return how fast the setpoint in force may move, in ``unit`` per minute."""
        return _first(self.setpoint_rate_kpa_per_min, self.setpoint_rate_lpm_per_min, self.setpoint_rate_k_per_min)


class ValveRow(Model):
    """One point of the failsafe valve table."""

    # Negative heat is possible in a measurement, not as a design point; 10 MW is five large CDUs.
    heat_load_kw: Annotated[Number, within(0.0, 10_000.0)]
    valve_position_pct: PositivePct


class FailsafeConfig(Model):
    """Where the actuators go while a process variable is bad.

    ``valve_position_table`` maps heat load to facility valve position, linear between its rows, held outside.
    """

    pump_speed_pct: PositivePct
    heat_load: Sensors
    valve_position_table: Annotated[tuple[ValveRow, ...], Field(min_length=1, max_length=VALVE_ROWS_MAX)]


class ManualConfig(Model):
    """Positions in manual mode; None holds what was measured on entering it."""

    pump_speed_pct: PositivePct | None = None
    valve_position_pct: Pct | None = None


class CduConfig(Model):
    """One CDU: its device, its loops, what it does without them, and what is known of its exchanger, if anything."""

    name: Token
    device: Token
    mode: Literal["automatic", "manual", "disabled"]
    supply_temp: SupplyTempLoopConfig
    pressure: PressureLoopConfig
    failsafe: FailsafeConfig
    manual: ManualConfig = ManualConfig()
    pumps: PumpsConfig = PumpsConfig()
    model: ModelConfig | None = None
    estimate: EstimateConfig | None = None
    limits: LimitsConfig | None = None


class ManifoldConfig(Model):
    """One rack manifold: where its branch valves stand, or how they share its flow.

    Attributes:
        branch_valve_position_pct: of all branches; of the most open one where they are balanced.
        bypass_valve_position_pct: least position of the bypass, if there is one; it opens further as branches close.
        racks: names of the racks, branch by branch, if given.
        cdu: that feeds it; the only one if there is one.
    """

    name: Token
    device: Token
    branch_valve_position_pct: PositivePct  # a shut branch is a rack without flow: an operator's act, not a default
    branch_valve_rate_pct_per_s: Annotated[Number, within(0.0, 5.0, low_open=True)]  # FM-11
    bypass_valve_position_pct: Pct = 0.0
    racks: Annotated[tuple[Token, ...], Field(max_length=BRANCHES_MAX)] = ()
    cdu: Token | None = None
    balance: BalanceConfig | None = None


class GroupConfig(Model):
    """CDUs that feed one header together: their pumps run alike, and the others carry a lost one's share."""

    name: Token
    cdus: Annotated[tuple[Token, ...], Field(min_length=2, max_length=GROUP_MAX)]


class Config(Model):
    """The whole of a site's configuration; the keys of the arrays of tables are singular in the file."""

    site: SiteConfig
    control: ControlConfig = ControlConfig()
    http: HttpConfig = HttpConfig()
    paths: PathsConfig = PathsConfig()
    sensors: SensorsConfig = SensorsConfig()
    mqtt: MqttConfig | None = None
    lines: Annotated[tuple[LineConfig, ...], Field(alias="line", max_length=LINES_MAX)] = ()
    devices: Annotated[tuple[DeviceConfig, ...], Field(alias="device", min_length=1, max_length=DEVICES_MAX)]
    cdus: Annotated[tuple[CduConfig, ...], Field(alias="cdu", max_length=CDUS_MAX)] = ()
    manifolds: Annotated[tuple[ManifoldConfig, ...], Field(alias="manifold", max_length=DEVICES_MAX)] = ()
    groups: Annotated[tuple[GroupConfig, ...], Field(alias="group", max_length=CDUS_MAX)] = ()
    proxies: Annotated[tuple[ProxyConfig, ...], Field(alias="proxy", max_length=PROXIES_MAX)] = ()
    leak_zones: Annotated[tuple[LeakZoneConfig, ...], Field(alias="leak_zone", max_length=ZONES_MAX)] = ()


def _together(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
