"""The one-second budget while Redis dies, freezes and comes back under four sending processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.valkey import Valkey
from tests.vendor_stub import Reply, VendorStub

ROOT = Path(__file__).parent.parent.parent
SENDERS, EACH = 4, 5


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", tmp_path / "valkey.log")
    yield server
    server.stop()


def killed(valkey: Valkey) -> None:
    assert valkey.process is not None
    valkey.process.kill()
    valkey.process.wait()
    time.sleep(0.2)
    valkey.restart()


def frozen(valkey: Valkey) -> None:
    assert valkey.process is not None
    os.kill(valkey.process.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(valkey.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("fault", [killed, frozen])
def test_no_fault_of_redis_brings_two_requests_within_a_second(
    valkey: Valkey, fault: Callable[[Valkey], None]
) -> None:
    url = valkey.start()
    with VendorStub() as stub:
        stub.reply_to_everything(Reply(body=[]))
        command = [sys.executable, "-m", "tests.tenovi.sending_process", stub.url, url, str(EACH)]
        senders = [subprocess.Popen(command, cwd=ROOT) for _ in range(SENDERS)]
        for _ in range(3):
            time.sleep(3.3)
            fault(valkey)
        assert [sender.wait(timeout=400) for sender in senders] == [0] * SENDERS
        assert len(stub.asked) == SENDERS * EACH
        assert stub.smallest_gap() >= 1.0
