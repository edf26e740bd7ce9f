"""No two programs of a virtual site are told the same port, and none is told one that is taken."""

import socket

import pytest

from coolantd.errors import CoolantdError
from coolantd.sim import ports


def test_every_call_gives_another_port_where_no_outgoing_connection_takes_it() -> None:
    given = [ports.free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    assert all(ports.FIRST <= port < ports.PAST_LAST for port in given)


def test_a_taken_port_is_not_given_and_a_free_one_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    only = ports.free_port()
    monkeypatch.setattr(ports, "FIRST", only)
    monkeypatch.setattr(ports, "PAST_LAST", only + 1)
    monkeypatch.setattr(ports, "_given", set())
    with socket.socket() as other:
        other.bind(("127.0.0.1", only))
        other.listen()
        with pytest.raises(CoolantdError, match=rf"no free port on 127.0.0.1 from {only} to {only}"):
            ports.free_port()
    assert ports.free_port() == only
    with pytest.raises(CoolantdError, match="no free port"):
        ports.free_port()
