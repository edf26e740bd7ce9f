"""Logging of the daemon: JSON lines for the journal, colours on a terminal. Knows structlog and stderr.

It must never hold up the event loop nor fill a disk (FM-31): lines go through a bounded queue to one writer
thread, so that a stuck pipe costs lines, which are counted, and not control; and an event that repeats is written
a few times a minute, then counted. ``log_lines`` is that queue, ``log_limit`` that count.
"""

import logging
import os
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from coolantd.service.log_limit import RepeatLimit
from coolantd.service.log_lines import LineWriter

STDERR_FD: Final = 2

LINE_CHARS_MAX: Final = 16_384
"""A deep traceback fits; journald would split lines above 48 KiB."""

_SYSLOG_PRIORITY: Final = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}

_IDENTITY_KEYS: Final = (
    *("device", "point", "cdu", "loop", "mode", "bus", "broker", "topic", "command"),
    *("fault", "reason", "file", "line", "key"),
)
"""Fields that make two lines of one event different events to whoever reads them."""

_NEVER_HELD_BACK: Final = frozenset({"reload_refused", "reloaded", "reload_checked"})
"""Answers to an order: each is somebody's only way to learn what became of his, and there are as many as orders."""

_TEMPLATE_KEY: Final = "_template"
"""What a library's line was formatted from: that, and not the numbers in it, makes it a repetition."""

Render = Callable[[EventDict], str]


class _Printer:
    """The end of the chain: what structlog calls with each finished line."""

    def __init__(self, writer: LineWriter) -> None:
        self._write = writer.write

    def msg(self, line: str) -> None:
        self._write(line)

    debug = info = warning = error = critical = exception = fatal = log = msg


class _StdlibBridge(logging.Handler):
    """Sends the records of libraries down the same chain; the message template is the identity of the event."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        fields: EventDict = {"logger": record.name, _TEMPLATE_KEY: f"{record.name}: {record.msg}"}
        if record.exc_info and record.exc_info[0]:
            fields["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, message, **fields)


class _Active:
    """What the last ``configure`` set up, so that another one can take it down."""

    writer: LineWriter | None = None
    bridge: logging.Handler | None = None


def configure(*, terminal: bool | None = None) -> None:
    """Set up structlog and the standard library's logging for the whole process.

    Args:
        terminal: colours and columns if true, JSON lines if false; None asks stderr. A terminal is asked first:
            ``$JOURNAL_STREAM`` is inherited by shells of a desktop session whose stderr is not the journal.
    """
    colourful = os.isatty(STDERR_FD) if terminal is None else terminal
    render = _terminal_line if colourful else _json_line(journal=_stderr_is_journal(os.environ))
    shutdown()
    limit = RepeatLimit()
    writer = LineWriter(STDERR_FD, housekeeping=lambda lost: _summaries(limit, lost, render))
    structlog.configure(
        processors=_chain(limit, render),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Printer(writer),
        cache_logger_on_first_use=False,
    )
    _Active.writer = writer
    _route_stdlib()


def dropped_lines() -> int:
    """Return how many lines were lost because stderr could not take them."""
    return _Active.writer.dropped if _Active.writer is not None else 0


def shutdown() -> None:
    """Write what is queued, for at most half a second, and stop the writer; safe to call twice."""
    if _Active.bridge is not None:
        logging.getLogger().removeHandler(_Active.bridge)
        _Active.bridge = None
        logging.captureWarnings(capture=False)
    if _Active.writer is not None:
        _Active.writer.close()
        _Active.writer = None


def _route_stdlib() -> None:
    root = logging.getLogger()
    _Active.bridge = _StdlibBridge()
    root.addHandler(_Active.bridge)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _chain(limit: RepeatLimit, render: Render) -> list[Processor]:
    def limited(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        suppressed = 0 if event.get("event") in _NEVER_HELD_BACK else limit.check(identity_of(event))
        if suppressed is None:
            raise structlog.DropEvent
        if suppressed:
            event["suppressed"] = suppressed
        event.pop(_TEMPLATE_KEY, None)
        return event

    def rendered(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        return render(event)

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        limited,
        _timestamp,
        structlog.processors.format_exc_info,
        rendered,
    ]


def identity_of(event: MutableMapping[str, Any]) -> tuple[str, ...]:
    """Return what makes a line a repetition of another: its event and the things it is about."""
    own = str(event.get(_TEMPLATE_KEY) or event.get("event", ""))
    return (own, *(f"{name}={event[name]}" for name in _IDENTITY_KEYS if name in event))


def _summaries(limit: RepeatLimit, lost: int, render: Render) -> list[str]:
    """Return a line for each event held back that has fallen silent since, and one for lines lost."""
    events: list[EventDict] = [
        {"event": "log_suppressed", "what": " ".join(each.identity), "suppressed": each.count}
        for each in limit.take_finished()
    ]
    if lost:
        events.append({"event": "log_lines_dropped", "count": lost})
    return [render(dict(_timestamp(None, "", {"level": "warning", **event}))) for event in events]


_timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_console = structlog.dev.ConsoleRenderer(
    colors=True, pad_event_to=28, exception_formatter=structlog.dev.plain_traceback
)


def _terminal_line(event: EventDict) -> str:
    return str(_console(None, "", event))[:LINE_CHARS_MAX]


def _json_line(*, journal: bool) -> Render:
    def render(event: EventDict) -> str:
        line = _dumps(event)
        if len(line) > LINE_CHARS_MAX:
            line = _shortened(event, line)
        # The journal takes the priority off again: what it stores is the JSON alone.
        return f"<{_SYSLOG_PRIORITY.get(str(event.get('level')), 6)}>{line}" if journal else line

    return render


def _dumps(event: EventDict) -> str:
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    try:
        return orjson.dumps(event, default=str, option=options).decode()
    except orjson.JSONEncodeError:
        # A lone surrogate in a name from outside; a log call must not fail for it.
        return orjson.dumps({ascii(name): ascii(item) for name, item in event.items()}).decode()


def _shortened(event: EventDict, line: str) -> str:
    """Return a line that is still JSON in place of one that is too long."""
    kept = {name: str(event.get(name, ""))[:200] for name in ("timestamp", "level", "event")}
    return orjson.dumps({**kept, "cut": line[: LINE_CHARS_MAX // 2]}).decode()


def _stderr_is_journal(environ: MutableMapping[str, str]) -> bool:
    """Return whether stderr is the journal's socket (systemd.exec(5), ``$JOURNAL_STREAM``)."""
    status = os.fstat(STDERR_FD)
    return environ.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"
