"""Hosts in a configuration: what the resolver would choke on is refused before anything is asked of it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from coolantd.config.fields import Host

HOSTS = TypeAdapter(Host)


@pytest.mark.parametrize(
    "host",
    [
        "cdu1",
        "cdu-1.row_a.site.lan",
        "site.lan.",
        "127.0.0.1",
        "::1",
        "fe80::1:2",
        "::ffff:127.0.0.1",
        "2001:db8::",
        "::",
    ],
)
def test_names_and_addresses_are_taken(host):
    assert HOSTS.validate_python(host) == host


@pytest.mark.parametrize(
    "host", ["", "cdu1..lan", ".lan", "a" * 64, "cdu1.lan:502", "cdu 1", "1:2:zz", ":" * 80, "a/b"]
)
def test_what_can_be_no_host_is_refused(host):
    with pytest.raises(ValidationError, match="malformed"):
        HOSTS.validate_python(host)
