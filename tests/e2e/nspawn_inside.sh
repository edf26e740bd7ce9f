#!/usr/bin/env bash
# Run by nspawn_unit.sh as root inside the booted tree: installs the unit, then checks what systemd makes of the daemon.
# Reports as TAP on standard output; every wait has a limit, so the whole ends by itself.
set -u

PYTHON=/opt/coolantd/bin/python
CONFIG=/etc/coolantd/coolantd.toml
MODBUS_PORT=5020
HTTP=http://127.0.0.1:9470
# WatchdogSec 5 s, TimeoutAbortSec 2 s, RestartSec 1 s, and the start itself.
RESTART_MAX_MS=13000
STOP_MAX_MS=5000
checks=0

now_ms() { date +%s%3N; }
report() { checks=$((checks + 1)); printf '%s %d - %s\n' "$1" "$checks" "$2"; }
check() { # NAME COMMAND…: the command's success is the result; what it printed is shown when it fails
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then report ok "$name"; else report 'not ok' "$name"; printf '%s\n' "$out" | sed 's/^/#   /' | tail -n 20; fi
}
eventually() { # SECONDS COMMAND…
    local deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || { echo "still not after its time: $*"; "$@"; return 1; }
        sleep 0.1
    done
}
same() { [ "$1" = "$2" ] || { echo "is '$1', should be '$2'"; return 1; }; }
at_most() { [ "$1" -le "$2" ] || { echo "is $1, may be $2"; return 1; }; }
silent() { local out; out=$("$@" 2>&1); [ -z "$out" ] || { echo "$out"; return 1; }; }
prop() { systemctl show --value --property="$1" coolantd.service; }
prop_is() { same "$(prop "$1")" "$2"; }
get() { "$PYTHON" -I -c 'import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=2).read().decode())' "$HTTP$1"; }
metric() { get /metrics | sed -n "s/^$1 //p"; }
metric_is() { same "$(metric "$1")" "$2"; }
port_open() { "$PYTHON" -I -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()' "$1"; }
restarted_from() { [ "$(prop MainPID)" != "$1" ] && [ "$(prop MainPID)" != 0 ] && [ "$(prop ActiveState)" = active ]; }
process_has() { grep -Eq "$1" "/proc/$(prop MainPID)/status" || { cat "/proc/$(prop MainPID)/status"; return 1; }; }
mark() { cursor=$(journalctl --quiet --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'); }
log() { journalctl --quiet --output=cat --unit=coolantd.service --after-cursor="$cursor"; } # since the mark
log_count() { same "$(log | grep -c -E "$1")" "$2" || { log; return 1; }; }
write_config() { install -m 0640 -o root -g coolantd /dev/stdin "$CONFIG"; }
good_config() { # the shipped demo's CDU alone: no broker lives in here
    awk -v RS= -v ORS='\n\n' '!/manifold/ && !/^\[mqtt\]/' /project/config/demo.toml
}

install_unit() {
    install -D -m 0644 /project/systemd/coolantd.service /etc/systemd/system/coolantd.service &&
        install -D -m 0644 /project/systemd/coolantd.sysusers /usr/lib/sysusers.d/coolantd.conf &&
        install -D -m 0644 /project/systemd/coolantd.tmpfiles /usr/lib/tmpfiles.d/coolantd.conf &&
        systemd-sysusers && systemd-tmpfiles --create coolantd.conf &&
        good_config | write_config && systemctl daemon-reload
}

start_simulator() {
    systemd-run --quiet --unit=simulator --property=DynamicUser=yes --property=CacheDirectory=simulator \
        --setenv=NUMBA_CACHE_DIR=/var/cache/simulator "$PYTHON" -I -m coolantd simulate --no-mqtt --modbus-port "$MODBUS_PORT" &&
        eventually 60 port_open "$MODBUS_PORT"
}

check "the unit, sysusers and tmpfiles install" install_unit
check "systemd-analyze verify prints nothing" silent systemd-analyze verify /etc/systemd/system/coolantd.service
check "the virtual CDU listens" start_simulator

# Start
begun=$(now_ms)
check "systemctl start returns" systemctl start coolantd.service
echo "# start to READY: $(($(now_ms) - begun)) ms, cold cache"
check "active after READY=1" prop_is ActiveState active
check "a missing credential did not hinder it" test ! -e /run/credentials/coolantd.service/mqtt-password
check "in control of its CDU within 30 s" eventually 30 get /readyz
check "runs as its own user" process_has "^Uid:[[:space:]]+$(id -u coolantd)[[:space:]]"
check "no capability" process_has '^CapEff:[[:space:]]+0+$'
check "no new privileges" process_has '^NoNewPrivs:[[:space:]]+1$'
check "system calls filtered" process_has '^Seccomp:[[:space:]]+2$'
check "state directory" same "$(stat --format='%U:%G %a' /var/lib/coolantd)" 'coolantd:coolantd 750'
check "cache directory" same "$(stat --format='%U:%G %a' /var/cache/coolantd)" 'coolantd:coolantd 700'
check "runtime directory" same "$(stat --format='%U:%G %a' /run/coolantd)" 'coolantd:coolantd 750'

# A request to others: a path unit of the site's acts upon a file of the daemon's, with the site's rights
request=power_off.leak_zone.r703
install_request() {
    install -D -m 0644 -t /etc/systemd/system "/project/systemd/coolantd-request@.path" "/project/systemd/coolantd-request@.service" &&
        printf '#!/bin/sh\n{ id -un; cat "$1"; } >>/run/acted\n' | install -m 0755 /dev/stdin /etc/coolantd/on-request &&
        systemctl daemon-reload && systemctl start "coolantd-request@$request.path"
}
lay_down() { # TEXT: as the daemon does, whole and under its own user
    runuser -u coolantd -- sh -c "mkdir -p -m 0750 /run/coolantd/requests && cd /run/coolantd/requests && echo '$1' >.r && mv .r $request"
}
acted() { same "$(tr '\n' ' ' </run/acted)" "$1 "; }
check "the request units install" install_request
check "systemd-analyze verify prints nothing of them" silent systemd-analyze verify "coolantd-request@$request.path"
check "a request is laid down" lay_down first
check "and carried out with other rights than the daemon's" eventually 5 acted "root first"
check "a renewed one too" lay_down second
check "and carried out again" eventually 5 acted "root first root second"
check "one that is taken back" runuser -u coolantd -- rm "/run/coolantd/requests/$request"
sleep 1
check "is not" acted "root first root second"
systemctl stop "coolantd-request@$request.path"

# Reload
pid=$(prop MainPID)
sed -E 's/^(setpoint_c = ).*/\133.0/' "$CONFIG" >/tmp/good && write_config </tmp/good
loaded_before=$(metric coolantd_config_last_reload_success_timestamp_seconds)
loaded_again() { [ "$(metric coolantd_config_last_reload_success_timestamp_seconds)" != "$loaded_before" ]; }
check "systemctl reload returns" systemctl reload coolantd.service
check "the good configuration is in force" eventually 5 loaded_again
check "and its metric says so" metric_is coolantd_config_last_reload_successful 1.0
check "active again after the reload" eventually 5 prop_is ActiveState active

mark
line=$(grep -n '^setpoint_c' "$CONFIG" | cut -d : -f 1)
sed -E 's/^(setpoint_c = ).*/\1"warm"/' /tmp/good | write_config
check "systemctl reload of a bad configuration returns" systemctl reload coolantd.service
check "its metric says it failed" eventually 5 metric_is coolantd_config_last_reload_successful 0.0
check "one log line names the file and line" eventually 5 log_count "coolantd\.toml:$line" 1
check "still active, in the same process" same "$(prop ActiveState) $(prop MainPID)" "active $pid"
check "still in control" get /readyz
write_config </tmp/good
check "the good configuration loads again" systemctl reload coolantd.service
check "and its metric recovers" eventually 5 metric_is coolantd_config_last_reload_successful 1.0

# Orders: local only, from the daemon's group or root, recorded with who gave them
useradd --groups coolantd alice && useradd bob
as() { runuser -u "$1" -- /opt/coolantd/bin/coolantd "${@:2}"; }
refused() { ! as "$@"; }
check "an operator in the group may look" as alice status --json
check "and may order" as alice reload --dry-run
check "the order is recorded under the operator's own name" eventually 5 grep -rqE "\"uid\": ?$(id -u alice)\b" /var/lib/coolantd
check "anyone else is refused" refused bob status

# Under every restriction of the unit the control law still compiles
check "the compiled control law takes over" eventually 90 metric_is coolantd_kernel_compiled 1.0
grep -E '^Vm(RSS|HWM)' "/proc/$(prop MainPID)/status" | sed 's/^/# /'

# Hang: the watchdog's case (FM-26, FM-47)
restarts=$(prop NRestarts)
mark
begun=$(now_ms)
kill -STOP "$pid"
check "a stopped process is replaced" eventually 20 restarted_from "$pid"
took=$(($(now_ms) - begun))
echo "# SIGSTOP to READY again: $took ms"
check "within $RESTART_MAX_MS ms" at_most "$took" "$RESTART_MAX_MS"
check "by the watchdog" log_count "result 'watchdog'" 1
check "counted as one restart" prop_is NRestarts "$((restarts + 1))"
check "in control again" eventually 30 get /readyz

# Crash (FM-44)
pid=$(prop MainPID)
begun=$(now_ms)
kill -KILL "$pid"
check "a killed process is replaced" eventually 10 restarted_from "$pid"
echo "# SIGKILL to READY again: $(($(now_ms) - begun)) ms, warm cache"
check "in control after the crash" eventually 30 get /readyz

# Stop
mark
begun=$(now_ms)
check "systemctl stop returns" systemctl stop coolantd.service
took=$(($(now_ms) - begun))
echo "# stop: $took ms"
check "within $STOP_MAX_MS ms" at_most "$took" "$STOP_MAX_MS"
check "inactive" prop_is ActiveState inactive
check "a clean end" log_count 'Deactivated successfully' 1

# A configuration that cannot start is retried for ever, and cured by being mended
install -d -m 0700 /etc/credstore
printf 'secret' >/etc/credstore/coolantd.mqtt-password
sed -E 's/^(setpoint_c = ).*/\1"warm"/' /tmp/good | write_config
systemctl start --no-block coolantd.service
six_restarts() { [ "$(prop NRestarts)" -ge 6 ]; }
check "a bad configuration is tried again past systemd's default limit of five" eventually 60 six_restarts
check "each try ends with status 2" eventually 5 prop_is ExecMainStatus 2
check "and not in a failed unit for good" same "$(systemctl is-failed coolantd.service)" activating
write_config </tmp/good
check "once mended it starts by itself" eventually 20 prop_is ActiveState active
check "the credential is handed over" test -e /run/credentials/coolantd.service/mqtt-password
check "systemctl stop returns again" systemctl stop coolantd.service

journalctl --quiet --output=short-monotonic --unit=coolantd.service >/report/journal 2>&1
echo "1..$checks"
