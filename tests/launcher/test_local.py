"""The files in `.local/` that outlive a run."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from launcher.local import keep_secrets, local_environment, read_secrets, write_private


def test_a_secret_once_written_is_never_replaced(tmp_path: Path) -> None:
    first = keep_secrets({}, tmp_path / "secrets")
    assert keep_secrets({}, tmp_path / "secrets") == first
    assert set(first) == {"SECRET_KEY", "CREDENTIALS_KEY"}
    assert min(map(len, first.values())) >= 32


def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    keep_secrets({}, tmp_path / "secrets")
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_given_is_not_made_up(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "given", "CREDENTIALS_KEY_FILE": "/run/secrets/credentials"}
    assert keep_secrets(given, tmp_path / "secrets") == {}
    assert not (tmp_path / "secrets").exists()


def test_a_missing_secret_is_added_to_those_that_are_there(tmp_path: Path) -> None:
    write_private(tmp_path / "secrets", "CREDENTIALS_KEY=encrypts-what-is-stored\n")
    keep_secrets({}, tmp_path / "secrets")
    kept = read_secrets(tmp_path / "secrets")
    assert kept["CREDENTIALS_KEY"] == "encrypts-what-is-stored"
    assert kept["SECRET_KEY"]


def test_addresses_of_servers_that_are_gone_are_not_offered(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as living, socket.create_server(("127.0.0.1", 0)) as dying:
        urls = {
            "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{living.getsockname()[1]}/d",
            "REDIS_URL": f"redis://:p@127.0.0.1:{dying.getsockname()[1]}/0",
        }
        dying.close()
        (tmp_path / "servers.json").write_text(json.dumps(urls))
        assert local_environment(tmp_path) == {"DATABASE_URL": urls["DATABASE_URL"]}


def test_a_file_cut_short_by_a_power_failure_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "servers.json").write_text('{"DATABASE_URL": "postg')
    assert local_environment(tmp_path) == {}
