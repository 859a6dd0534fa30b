"""Starts the simulator as a process of its own and moves its replay."""

import json
import os
import pathlib
import socket
import subprocess
import time
import unittest
import urllib.request

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

# Seconds. Nothing here takes a tenth of it: who waits that long waits for what will not come.
DEADLINE = 30

KEY, SECRET = "conformance-key", "conformance-secret"

# Six sessions. A bar ticks four times: its open, low, high and close, or high before low where the close is lower.
DAILY_BARS = {
    "AAPL": [
        "2026-03-02,100,104,97,102,1000",
        "2026-03-03,102,106,101,105,1100",
        "2026-03-04,105,108,104,107,1200",
        "2026-03-05,107,109,103,104,1300",
        "2026-03-06,104,107,102,106,1400",
        "2026-03-09,106,110,105,109,1500",
    ],
    "MSFT": [
        "2026-03-02,200,206,198,205,2000",
        "2026-03-03,205,208,204,206,2100",
        "2026-03-04,206,209,205,208,2200",
        "2026-03-05,208,210,206,207,2300",
        "2026-03-06,207,211,206,210,2400",
        "2026-03-09,210,214,209,213,2500",
    ],
}

MINUTE_BARS = {
    "AAPL": [
        "2026-03-02T09:30:00-05:00,100,102,99,101,1000",
        "2026-03-02T09:31:00-05:00,101,103,100,102,1100",
        "2026-03-02T09:32:00-05:00,102,104,101,103,1200",
    ],
    "MSFT": [
        "2026-03-02T09:30:00-05:00,200,202,199,201,2000",
        "2026-03-02T09:31:00-05:00,201,203,200,202,2100",
        "2026-03-02T09:32:00-05:00,202,204,201,203,2200",
    ],
}


def eventually(what, probe):
    """The first true answer of `probe`."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        value = probe()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what}: not within {DEADLINE} s")


def write_bars(folder, bars):
    folder.mkdir(parents=True)
    for symbol, rows in bars.items():
        lines = ["timestamp,open,high,low,close,volume", *rows]
        (folder / f"{symbol}.csv").write_text("\n".join(lines) + "\n")


class Simulator:
    """A running `broker-simulator` on loopback ports of its own, its traffic recorded."""

    def __init__(self, folder, binaries, bars, **settings):
        self.folder = folder
        write_bars(folder / "bars", bars)
        self.recording = folder / "recording.jsonl"
        ports = folder / "ports.json"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "BARS": str(folder / "bars"),
            "PORT_FILE": str(ports),
            "RECORDING": str(self.recording),
            "REQUIRED_STREAMS": "market-data",
            "APCA_API_KEY_ID": KEY,
            "APCA_API_SECRET_KEY": SECRET,
            "EXIT_WITH_PARENT": "1",
            **settings,
        }
        self.log = open(folder / "simulator.log", "wb")
        self.process = subprocess.Popen(
            [str(binaries / "broker-simulator")], env=environment, stdout=self.log, stderr=self.log
        )
        try:
            eventually("the simulator's ports", lambda: ports.exists() or self.process.poll() is not None)
            if not ports.exists():
                raise AssertionError(f"the simulator ended: {(folder / 'simulator.log').read_text()}")
            addresses = json.loads(ports.read_text())
        except BaseException:
            self.stop()
            raise
        self.port = addresses["port"]
        self.control_port = addresses["control_port"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.stream_url = f"ws://127.0.0.1:{self.port}"

    def status(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control_port}/status", timeout=DEADLINE) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.log.close()


class Pacer:
    """Moves the replay: it stands still while this client of the data stream owes an answer to a ping."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.socket = socket.create_connection(("127.0.0.1", simulator.port), DEADLINE)
        self.protocol = ClientProtocol(parse_uri(f"{simulator.stream_url}/v2/sip"))
        self.protocol.send_request(self.protocol.connect())
        self.frames = self._frames()
        self._expect("connected")
        self._send({"action": "auth", "key": KEY, "secret": SECRET})
        self._expect("authenticated")
        self._send({"action": "subscribe", "quotes": ["*"], "bars": ["*"], "dailyBars": ["*"]})
        next(self.frames)

    def _send(self, message):
        self.protocol.send_text(json.dumps(message).encode())

    def _expect(self, text):
        message = next(self.frames)
        assert message["msg"] == text, message

    def _frames(self):
        """Each message; answers to pings leave only when the next one is asked for."""
        while True:
            for data in self.protocol.data_to_send():
                self.socket.sendall(data)
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError("the simulator closed the data stream")
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                if getattr(event, "opcode", None) is Opcode.TEXT:
                    yield from json.loads(event.data)

    def until(self, kind, symbol, nth=1):
        """Lets the replay go on to the nth coming message of that kind and stand there: q, b or d."""
        while True:
            message = next(self.frames)
            if (message["T"], message["S"]) == (kind, symbol):
                nth -= 1
                if nth == 0:
                    return message

    def finish(self):
        """Lets the replay go on to its end."""
        self.socket.settimeout(0.02)
        deadline = time.monotonic() + DEADLINE
        while self.simulator.status()["state"] != "finished":
            assert time.monotonic() < deadline, "the replay did not end"
            try:
                next(self.frames)
            except TimeoutError:
                # A generator that has thrown is over.
                self.frames = self._frames()

    def close(self):
        self.socket.close()


class SimulatorTestCase(unittest.TestCase):
    """Each test has a simulator of its own."""

    binaries: pathlib.Path
    directory: pathlib.Path
    bars = DAILY_BARS
    settings: dict = {}

    def setUp(self):
        name = self.id().rsplit(".", 2)
        self.simulator = Simulator(self.directory / name[1] / name[2], self.binaries, self.bars, **self.settings)
        self.addCleanup(self.simulator.stop)
        self.pacer = Pacer(self.simulator)
        self.addCleanup(self.pacer.close)
