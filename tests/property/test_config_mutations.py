"""FM-43: whatever happens to a valid configuration, it loads or is refused with file and line; never anything else.

Three ways to spoil it: its values (after parsing, written out again), its lines, and its bytes.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from coolantd.cli.check import check
from coolantd.config.load import Loaded, load
from coolantd.errors import ConfigError

REPOSITORY = Path(__file__).parents[2]
SERIAL = """
[[line]]
name = "bus"
port = "/dev/serial/by-id/usb-a"
baudrate = 9600
parity = "even"
stopbits = 1
turnaround_s = 0.5
loopback = true

[[line]]
name = "far"
host = "192.0.2.5"
tcp_port = 4001

[[device]]
name = "cdu2"
profile = "row-cdu"
modbus_rtu = { line = "bus", unit_id = 12 }
monitor_only = true

[[device]]
name = "cdu3"
profile = "row-cdu"
modbus_rtu = { line = "far", unit_id = 12 }
monitor_only = true

[[proxy]]
host = "127.0.0.1"
port = 5502
units = [ { unit_id = 1, device = "cdu1", age_unit_id = 101 } ]
"""
DEMO = (REPOSITORY / "config" / "demo.toml").read_text(encoding="utf-8").replace("[[cdu]]", f"{SERIAL}\n[[cdu]]", 1)
DEMO_BYTES = DEMO.encode()
EXAMPLES_PER_KIND = 700
"""Four kinds: 2 800 mutations of the main file in every run, and those of the command and of profiles."""
QUICK = settings(
    max_examples=EXAMPLES_PER_KIND,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NASTY_VALUES = st.one_of(
    st.sampled_from(
        [
            "nan", "-nan", "inf", "-inf", "1e999", "-1e-999", "0", "-0.0", "1", "-1", "1_000", "1__0", "true", "false",
            "[]", "{}", "[[]]", "[{}]", "{ a = 1 }", "[1, 'a']", "[" * 40 + "]" * 40, "0x" + "f" * 4000, "9" * 400,
            "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "2026-02-30", "'''\n'''", '"' + "a" * 5000 + '"',
            '""', '"x"', '"\\u0000"', '"\\n"', '"/\\u0000"', '"\\U0001F4A7"', '"../../etc/passwd"', '"+/#"',
            '"cdu1."', '".tcs"', '"cdu1.heat_load_kw"', '"manifold1.branch1_flow_lpm"',
        ]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(st.characters(codec="utf-8"), max_size=20).map(json.dumps),
)  # fmt: skip
NASTY_KEYS = st.one_of(
    st.sampled_from(
        ["", "name", "password", "device", "cdu", "a\nb", "\0", "setpoint_c", "__proto__", "\u2028", "model_config"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)


def outcome(directory: Path, data: bytes, fragment: bytes | None = None) -> Loaded | ConfigError:
    """Load; anything but a result or a well-formed refusal fails the test."""
    main = directory / "coolantd.toml"
    main.write_bytes(data)
    if fragment is not None:
        (directory / "conf.d").mkdir(exist_ok=True)
        (directory / "conf.d" / "f.toml").write_bytes(fragment)
    found = loaded_or_refused(main)
    if isinstance(found, ConfigError):
        last_line = max(data.count(b"\n"), (fragment or b"").count(b"\n")) + 1
        assert all(problem.line <= last_line for problem in found.problems)
    return found


def loaded_or_refused(main: Path) -> Loaded | ConfigError:
    try:
        return load(main)
    except ConfigError as caught:
        error = caught
    assert error.problems
    for problem in error.problems:
        assert problem.file.startswith(str(main.parent)), problem
        assert problem.line >= 1, problem
        assert len(str(problem).splitlines()) == 1, problem
        assert problem.what
    return error


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def assignments() -> list[int]:
    """Numbers of the lines that hold a key and a value."""
    return [number for number, line in enumerate(DEMO.splitlines()) if "=" in line.split("#")[0]]


def replaced(number: int, key: str | None, value: str | None) -> str:
    lines = DEMO.splitlines()
    old_key, _, old_value = lines[number].partition("=")
    new_key = old_key if key is None else json.dumps(key)
    lines[number] = f"{new_key} = {old_value if value is None else value}"
    return "\n".join(lines) + "\n"


@QUICK
@given(number=st.sampled_from(assignments()), value=NASTY_VALUES)
@example(number=assignments()[0], value="0x" + "f" * 60_000)
@example(number=assignments()[1], value="9" * 5000)
@example(number=assignments()[1], value="[" * 20_000)
def test_any_value_in_any_place(directory, number, value):
    outcome(directory, replaced(number, None, value).encode())


@QUICK
@given(
    number=st.sampled_from(assignments()),
    key=st.one_of(NASTY_KEYS, st.none()),
    value=st.one_of(NASTY_VALUES, st.none()),
    fragment=st.one_of(st.none(), NASTY_KEYS.map(lambda key: f"[http]\n{json.dumps(key)} = 1\n".encode())),
)
def test_any_key_in_any_place(directory, number, key, value, fragment):
    if fragment is None and (directory / "conf.d" / "f.toml").exists():
        (directory / "conf.d" / "f.toml").unlink()
    outcome(directory, replaced(number, key, value).encode(), fragment)


@st.composite
def shuffled_lines(draw: st.DrawFn) -> str:
    """Lines deleted, doubled, swapped and cut."""
    lines = DEMO.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        first, second = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.sampled_from(["delete", "double", "swap", "cut", "move"])):
            case "delete":
                del lines[first]
            case "double":
                lines.insert(second, lines[first])
            case "swap":
                lines[first], lines[second] = lines[second], lines[first]
            case "cut":
                lines[first] = lines[first][: draw(st.integers(0, max(len(lines[first]), 1)))]
            case "move":
                lines.insert(second, lines.pop(first))
    return "\n".join(lines) + draw(st.sampled_from(["\n", ""]))


@QUICK
@given(text=shuffled_lines())
def test_lines_in_any_order(directory, text):
    outcome(directory, text.encode())


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """A file cut short anywhere, or with bytes changed anywhere."""
    data = bytearray(DEMO_BYTES)
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@QUICK
@given(data=damaged_bytes())
def test_bytes_lost_or_changed(directory, data):
    outcome(directory, data)


def test_every_shorter_file_is_refused(directory):
    """An editor that has written only the beginning: no prefix passes for the whole file."""
    assert isinstance(outcome(directory, DEMO_BYTES), Loaded)
    for end in [*range(0, len(DEMO_BYTES), 7), *line_ends()]:
        assert isinstance(outcome(directory, DEMO_BYTES[:end]), ConfigError), DEMO_BYTES[:end][-60:]


def line_ends() -> list[int]:
    """Where a file could be cut so that it still ends with a newline, but for its real end."""
    return [end + 1 for end, letter in enumerate(DEMO_BYTES[:-1]) if letter == ord("\n")]


@settings(QUICK, max_examples=120)
@given(data=st.one_of(damaged_bytes(), shuffled_lines().map(str.encode)), as_json=st.booleans())
def test_command_exits_0_or_2_and_never_with_a_traceback(directory, data, as_json):
    app = typer.Typer()
    app.command()(check)
    path = directory / "coolantd.toml"
    path.write_bytes(data)
    result = CliRunner().invoke(app, [str(path), *(["--json"] if as_json else [])])
    assert result.exit_code in (0, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    if as_json:
        answer = json.loads(result.stdout)
        assert answer["ok"] == (result.exit_code == 0)
        assert bool(answer["problems"]) != answer["ok"]
    elif result.exit_code == 2:
        assert str(path) in result.stderr


def profile_texts() -> Iterator[bytes]:
    for path in sorted((REPOSITORY / "coolantd" / "profiles").glob("*.toml")):
        yield path.read_bytes()


@settings(QUICK, max_examples=300)
@given(data=st.data())
def test_damaged_profile_of_the_site(directory, data):
    """The same holds for a profile: it loads or is refused at its own line."""
    profile = bytearray(data.draw(st.sampled_from(list(profile_texts()))))
    lines = profile.decode().splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    if data.draw(st.booleans()) and "=" in lines[number]:
        lines[number] = f"{lines[number].partition('=')[0]}= {data.draw(NASTY_VALUES)}"
        damaged = "\n".join(lines).encode() + b"\n"
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            profile[data.draw(st.integers(0, len(profile) - 1))] = data.draw(st.integers(0, 255))
        damaged = bytes(profile)
    (directory / "profiles").mkdir(exist_ok=True)
    (directory / "profiles" / "own.toml").write_bytes(damaged)
    main = directory / "coolantd.toml"
    main.write_text(
        DEMO.replace('profile = "row-cdu"', 'profile = "own"')
        if b"5000" in damaged
        else DEMO.replace('profile = "rack-manifold"', 'profile = "own"', 1)
    )
    loaded_or_refused(main)
