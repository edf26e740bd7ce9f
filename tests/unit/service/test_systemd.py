"""Notifications, over a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coolantd.service.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(2)
        yield listening


def notifier(manager: socket.socket, **environ: str) -> Notifier:
    name = manager.getsockname()
    address = "@" + name[1:].decode() if isinstance(name, bytes) else name
    return Notifier({"NOTIFY_SOCKET": address, **environ}, now_s=lambda: 12.5)


def test_each_message_is_what_systemd_expects(manager):
    notify = notifier(manager)
    notify.ready("controlling 1 CDU")
    notify.reloading()
    notify.status("automatic")
    notify.watchdog()
    notify.stopping()
    received = [manager.recv(4096).decode() for _ in range(5)]
    notify.close()
    assert received == [
        "READY=1\nSTATUS=controlling 1 CDU",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STATUS=automatic",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=handing over",
    ]


def test_the_monotonic_time_of_a_reload_is_the_machines_own(manager):
    notify = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    before_ns = time.monotonic_ns()
    notify.reloading()
    usec = int(manager.recv(4096).decode().rpartition("=")[2])
    after_ns = time.monotonic_ns()
    notify.close()
    assert before_ns // 1000 - 1 <= usec <= after_ns // 1000 + 1


def test_a_status_cannot_smuggle_in_another_field(manager):
    notify = notifier(manager)
    notify.status("bad file\nREADY=1")
    notify.close()
    assert manager.recv(4096) == b"STATUS=bad file READY=1"


def test_an_abstract_socket_works():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0coolantd-test-{os.getpid()}")
        manager.settimeout(2)
        notify = notifier(manager)
        notify.watchdog()
        notify.close()
        assert manager.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_service_manager_everything_is_silent(environ):
    notify = Notifier({**environ, "WATCHDOG_USEC": "5000000"})
    notify.ready("x")
    notify.watchdog()
    assert not notify.active
    assert notify.watchdog_period_s is None


def test_a_manager_that_is_gone_or_not_reading_never_stops_the_daemon(manager, tmp_path):
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    gone.watchdog()
    gone.close()
    notify = notifier(manager)
    for _ in range(2000):  # far more than the socket's queue: a blocking send would hang here
        notify.watchdog()
    notify.close()
    notify.watchdog()


@pytest.mark.parametrize(
    ("environ", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "5000000"}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_watchdog_period(manager, environ, period_s):
    notify = notifier(manager, **environ)
    notify.close()
    assert notify.watchdog_period_s == period_s
