"""The broker's password: read from where the configuration points, at the moment it is needed. Never shown."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coolantd.config.models import MqttConfig
from coolantd.config.source import read_bytes
from coolantd.errors import ConfigError, Problem

SECRET_BYTES_MAX: Final = 4096
"""A password, perhaps a token; not a file named by mistake."""
CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what ``LoadCredential=`` names."""


Fault = tuple[str, str]
"""The key of ``[mqtt]`` at fault, and what is wrong with what it names."""


def mqtt_password(mqtt: MqttConfig, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the broker's password, or None when the configuration names none.

    One newline at the end of the file is not part of it.

    Raises:
        ConfigError: the file or credential cannot be read, or is not text.
    """
    if mqtt.password_file is not None:
        return _read(mqtt.password_file, "mqtt.password_file")
    if mqtt.password_credential is None:
        return None
    directory = environ.get(CREDENTIALS_VARIABLE)
    if not directory:
        what = f"no credential: {CREDENTIALS_VARIABLE} is not set"
        raise ConfigError([_problem(mqtt.password_credential, "mqtt.password_credential", what)])
    return _read(Path(directory) / mqtt.password_credential, "mqtt.password_credential")


def no_usable_secret(mqtt: MqttConfig, environ: Mapping[str, str] = os.environ) -> Fault | None:
    """Return why the password cannot be had by this process, None if it can or none is named."""
    try:
        mqtt_password(mqtt, environ)
    except ConfigError as error:
        problem = error.problems[0]
        return problem.key.rpartition(".")[2], problem.what
    return None


def beyond_this_user(mqtt: MqttConfig, environ: Mapping[str, str] = os.environ) -> str:
    """Return in a sentence why only the daemon itself can tell whether its password is there; empty if we can."""
    if mqtt.password_credential is not None and not environ.get(CREDENTIALS_VARIABLE):
        return f"mqtt.password_credential {mqtt.password_credential} was not checked: only the unit is given it"
    if mqtt.password_file is not None and not _may_look(mqtt.password_file):
        return f"mqtt.password_file {mqtt.password_file} was not checked: this user may not read it"
    return ""


def _may_look(path: Path) -> bool:
    try:
        read_bytes(path, 0)
    except PermissionError:
        return False
    except OSError:
        pass  # missing, or no file: that can be told
    return True


def _read(path: Path, key: str) -> str:
    try:
        data = read_bytes(path, SECRET_BYTES_MAX)
    except OSError as error:
        raise ConfigError([_problem(str(path), key, f"cannot be read: {error.strerror or error}")]) from error
    if len(data) > SECRET_BYTES_MAX:
        raise ConfigError([_problem(str(path), key, f"longer than {SECRET_BYTES_MAX} bytes")])
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # No cause attached: it would carry the bytes of the secret.
        raise ConfigError([_problem(str(path), key, "not UTF-8 text")]) from None


def _problem(file: str, key: str, what: str) -> Problem:
    return Problem(file=file, line=0, key=key, what=what)
