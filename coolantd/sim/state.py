"""The simulator's truth as plain data, for the control socket, the terminal and tests."""

from typing import TYPE_CHECKING, Any

from coolantd.units import PA_PER_KPA, W_PER_KW, lpm_from_m3_s

if TYPE_CHECKING:
    from coolantd.sim.simulator import Simulator


def state_of(simulator: "Simulator") -> dict[str, Any]:
    """Return what is true in the plant, who commands it, and every counter; units are in the keys."""
    plant, device, server = simulator.plant, simulator.device, simulator.server
    port = device.port
    return {
        "time_s": round(device.time_s, 1),
        "time_dropped_s": round(simulator.time_dropped_s, 3),
        "tcs_supply_temp_c": plant.tcs_supply_temp_c,
        "tcs_return_temp_c": plant.tcs_return_temp_c,
        "fws_supply_temp_c": plant.inputs.fws_supply_temp_c,
        "rack_differential_pressure_kpa": plant.rack_differential_pressure_pa / PA_PER_KPA,
        "tcs_flow_lpm": lpm_from_m3_s(plant.tcs_flow_m3_s),
        "fws_valve_position_pct": device.valve_position_pct,
        "pump_speeds_pct": list(device.pump_speeds_pct),
        "heat_load_kw": float(plant.inputs.rack_heat_w.sum()) / W_PER_KW,
        "heat_exchanged_kw": plant.heat_exchanged_w / W_PER_KW,
        "case_temp_max_c": float(plant.rack_case_temp_c.max()),
        "branch_valve_positions_pct": [float(ratio) * 100.0 for ratio in plant.branch_valve_ratio],
        "bypass_valve_position_pct": plant.bypass_valve_ratio * 100.0,
        "remote": port.remote,
        "obeying": port.obeying,
        "imperial": port.imperial,
        "takeovers": port.takeovers,
        "fallbacks": port.fallbacks,
        "writes_total": port.writes_total,
        "writes_refused": port.writes_refused,
        "alarms": sorted(device.active_alarms),
        "modbus": {
            "port": server.port,
            "connections": server.connections,
            "connections_total": server.connections_total,
            "connections_lost": server.connections_lost,
            "requests": server.requests,
        },
        "manifold": _manifold_state(simulator),
        "rpu": _rpu_state(simulator),
    }


def _manifold_state(simulator: "Simulator") -> dict[str, Any] | None:
    manifold = simulator.manifold
    if manifold is None:
        return None
    return {
        "connected": manifold.link is not None and manifold.link.connected,
        "published": manifold.published,
        "setpoints_taken": manifold.setpoints_taken,
        "setpoints_refused": manifold.setpoints_refused,
    }


def _rpu_state(simulator: "Simulator") -> dict[str, Any] | None:
    rpu, line = simulator.rpu, simulator.line
    if rpu is None or line is None:
        return None
    return {
        "port": line.port.path,
        "plugged": line.port.plugged,
        "requests": line.requests,
        "replies": line.replies,
        "discarded_bytes": line.discarded_bytes,
        "busy_s": round(line.busy_s, 3),
        "flow_lpm": rpu.model.flow_lpm,
        "outlet_temp_c": rpu.model.outlet_temp_c,
        "pump_duty_pct": rpu.model.pump_duty_pct,
        "writes_total": rpu.writes_total,
        "writes_refused": rpu.writes_refused,
        "commands": dict(rpu.commands),
    }
