#!/usr/bin/env bash
# The unit for real: a minimal Debian 12 with the project installed as an operator would, booted in a container.
# nspawn_inside.sh, run in there, starts, reloads, hangs, kills and stops the daemon and reports as TAP.
#
#   sudo tests/e2e/nspawn_unit.sh
#
# Exit status: 0 all held; 1 something did not; 77 it cannot run here, and the last line says why.
# The tree and the installed packages are kept in $COOLANTD_TREE (default build/nspawn) for the next run; the container
# itself works on a throw-away overlay with no network but its own loopback.
set -eu
umask 022

PROJECT=$(cd "$(dirname "$0")/../.." && pwd)
CACHE=${COOLANTD_TREE:-$PROJECT/build/nspawn}
PYTHON=${PYTHON:-$PROJECT/.venv/bin/python}
PACKAGES=systemd,systemd-sysv,dbus,procps,python3,python3-venv
TREE=$CACHE/bookworm
# Boot and the checks together take about a minute; a container that hangs is ended.
RUN_MAX_S=300

cannot() { printf 'skipped: %s\n' "$*" >&2; exit 77; }
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || cannot "booting a container needs root"
for program in debootstrap systemd-nspawn; do
    command -v "$program" >/dev/null || cannot "$program is not installed"
done

mkdir -p "$CACHE"
exec 9>"$CACHE/lock"
flock --wait 600 9 || cannot "another run has held $CACHE for ten minutes"
WORK=$(mktemp -d "$CACHE/run.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# Where no systemd runs outside, nspawn has nobody to ask for a scope or to register with.
HOST_FLAGS=()
[ -d /run/systemd/system ] || HOST_FLAGS=(--register=no --keep-unit)
nspawn() { # SECONDS ARGUMENT…
    timeout --kill-after=15 "$1" systemd-nspawn --quiet --directory="$TREE" --volatile=overlay "${HOST_FLAGS[@]}" \
        --private-network --link-journal=no --machine="coolantd-$$" "${@:2}" </dev/null 9>&-
}

if [ ! -d "$TREE" ]; then
    rm -rf "$TREE.partial"
    debootstrap --variant=minbase --include="$PACKAGES" bookworm "$TREE.partial" >"$CACHE/debootstrap.log" 2>&1 ||
        cannot "debootstrap could not make a Debian tree: $(tail -n 1 "$CACHE/debootstrap.log")"
    mv "$TREE.partial" "$TREE"
fi
nspawn 60 --boot systemd.unit=poweroff.target >"$WORK/probe.log" 2>&1 ||
    cannot "systemd-nspawn cannot boot a container here: $(tail -n 1 "$WORK/probe.log")"

# The packages of the lock, fetched out here, installed in there without a network.
KEY=$(cat "$PROJECT/requirements.lock" "$PROJECT/pyproject.toml" | sha256sum | cut -c 1-16)
OPT=$CACHE/opt-$KEY
WHEELS=$CACHE/wheels-$KEY
"$PYTHON" -m pip wheel --quiet --quiet --no-deps --no-build-isolation --wheel-dir "$WORK/dist" "$PROJECT" || fail "no wheel could be built"
if [ ! -e "$WHEELS/complete" ]; then
    rm -rf "$CACHE"/wheels-* "$CACHE"/opt-*
    sed -n -E 's/^([A-Za-z0-9_.-]+==[^ \\]+( ; [^\\]+)?).*/\1/p' "$PROJECT/requirements.lock" >"$WORK/constraints"
    "$PYTHON" -m pip download --quiet --quiet --only-binary=:all: --python-version 3.11 --constraint "$WORK/constraints" \
        --dest "$WHEELS" "$WORK"/dist/*.whl || cannot "the locked packages could not be fetched"
    rm -f "$WHEELS"/coolantd-*
    touch "$WHEELS/complete"
fi
mkdir -p "$OPT"
nspawn 300 --console=pipe --bind="$OPT:/opt/coolantd" --bind-ro="$WHEELS:/wheels" --bind-ro="$WORK/dist:/dist" /bin/sh -eu -c '
    [ -x /opt/coolantd/bin/python ] || python3 -m venv /opt/coolantd
    pip="/opt/coolantd/bin/python -m pip --quiet --quiet --disable-pip-version-check"
    $pip install --no-index --find-links=/wheels /dist/*.whl
    $pip install --no-index --no-deps --force-reinstall /dist/*.whl' || fail "the project could not be installed into the tree"

mkdir "$WORK/report"
cat >"$WORK/coolantd-test.service" <<UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
ExecStart=/bin/bash /project/tests/e2e/nspawn_inside.sh
StandardOutput=append:/report/tap
StandardError=append:/report/tap
TimeoutStartSec=$((RUN_MAX_S - 60))
UNIT
nspawn "$RUN_MAX_S" --bind="$OPT:/opt/coolantd" --bind="$WORK/report:/report" --bind-ro="$PROJECT:/project" \
    --bind-ro="$WORK/coolantd-test.service:/etc/systemd/system/coolantd-test.service" \
    --boot systemd.wants=coolantd-test.service >"$WORK/console.log" 2>&1 || printf '# the container ended with status %s\n' "$?"

[ -s "$WORK/report/tap" ] || { tail -n 20 "$WORK/console.log" >&2; fail "the checks did not start"; }
cat "$WORK/report/tap"
if grep -q '^not ok' "$WORK/report/tap" || ! grep -q '^1\.\.' "$WORK/report/tap"; then
    [ ! -e "$WORK/report/journal" ] || { echo '# the end of the journal:'; tail -n 200 "$WORK/report/journal"; }
    fail "see the lines marked 'not ok'"
fi
