"""The two Modbus TCP links that must behave alike, and where a test has to look inside each."""

import os
import socket
from collections.abc import Callable

from pymodbus_link import PymodbusTcpLink

from coolantd.device.modbus import ModbusTcpLink

TcpLink = ModbusTcpLink | PymodbusTcpLink
LinkClass = type[ModbusTcpLink] | type[PymodbusTcpLink]
LINKS: tuple[LinkClass, ...] = (ModbusTcpLink, PymodbusTcpLink)


def socket_of(link: TcpLink) -> socket.socket:
    """Return the link's socket; a copy, the caller's to close."""
    if isinstance(link, PymodbusTcpLink):
        return link._transactions.transport.get_extra_info("socket").dup()
    return socket.socket(fileno=os.dup(link._connection._wire._fd))


def next_transaction(link: TcpLink, number: int) -> None:
    """Let the next request carry this transaction."""
    if isinstance(link, PymodbusTcpLink):
        link._transactions.next_tid = number - 1
    else:
        link._transaction = number - 1


def after_each_reply(link: TcpLink, act: Callable[[], None]) -> Callable[[], None]:
    """Have something done in the very turn in which bytes arrived, after they were judged; return what ends that."""
    if isinstance(link, PymodbusTcpLink):
        where, name = link._transactions, "callback_data"
    else:
        where, name = link._connection._wire, "_on_bytes"
    judge = getattr(where, name)

    def judged_then_act(*received: object, **more: object) -> object:
        used = judge(*received, **more)
        act()
        return used

    setattr(where, name, judged_then_act)
    return lambda: setattr(where, name, judge)
