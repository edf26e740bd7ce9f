"""The broker's password comes from a file or a credential, and only its place is ever shown."""

import os

import pytest

from coolantd.config.models import MqttConfig
from coolantd.config.secrets import SECRET_BYTES_MAX, beyond_this_user, mqtt_password, no_usable_secret
from coolantd.errors import ConfigError


def broker(**keys):
    return MqttConfig(host="h", client_id="c", topic="t", **keys)


def test_none_named():
    assert mqtt_password(broker(), {}) is None


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_file(tmp_path, ending):
    (tmp_path / "p").write_text(f" s3cret {ending}", newline="")
    assert mqtt_password(broker(username="u", password_file=str(tmp_path / "p")), {}) == " s3cret "


def test_credential(tmp_path):
    (tmp_path / "broker").write_text("s3cret\n")
    mqtt = broker(username="u", password_credential="broker")
    assert mqtt_password(mqtt, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "s3cret"
    with pytest.raises(ConfigError, match="CREDENTIALS_DIRECTORY is not set"):
        mqtt_password(mqtt, {})


@pytest.mark.parametrize("data", [None, b"\xff s3cret", b"s3cret" * SECRET_BYTES_MAX])
def test_unusable_file_is_named_but_not_its_content(tmp_path, data):
    if data is not None:
        (tmp_path / "p").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        mqtt_password(broker(username="u", password_file=str(tmp_path / "p")), {})
    assert str(tmp_path / "p") in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_pipe_is_refused_at_once_instead_of_waited_for(tmp_path):
    pipe = tmp_path / "password"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a regular file"):
        mqtt_password(broker(username="u", password_file=str(pipe)), {})


def test_a_secret_that_this_user_may_not_read_is_not_judged(tmp_path, monkeypatch):
    """`coolantd check` runs as an operator; the password is for the daemon's user alone."""
    (tmp_path / "p").write_text("s3cret")
    mqtt = broker(username="u", password_file=str(tmp_path / "p"))
    assert beyond_this_user(mqtt, {}) == ""

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    assert "this user may not read it" in beyond_this_user(mqtt, {})
    assert no_usable_secret(mqtt, {}) == ("password_file", "cannot be read: Permission denied")


def test_nothing_named_is_nothing_missing():
    assert no_usable_secret(broker(), {}) is None
    assert beyond_this_user(broker(), {}) == ""
