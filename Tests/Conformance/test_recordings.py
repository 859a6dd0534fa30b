"""What was said on the wire, judged by Alpaca's own OpenAPI files.

The answers are those that all the sessions of alpaca-py were given; the requests are those of the agents' adapters in
real replays.
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import unittest

import jsonschema

from specification import Specification

# Of a replay with every process. Some seconds are enough.
REPLAY_DEADLINE = 100

SAMPLE = pathlib.Path(__file__).parents[2] / "Services/BrokerSimulator/SampleBars"

# What the broker sends though its files have it otherwise; its clients rely on some of it.
DEVIATIONS = re.compile(
    r"\$.*\.(subtag|source|easy_to_borrow|crypto_tier|effective_buying_power|position_market_value"
    r"|admin_configurations|user_configurations|legs\[\]\.expires_at) is no member"
    # An empty answer about one symbol, and what a snapshot has nothing for.
    r"|\$\.bars: None is not of type 'array'"
    r"|\$.*\.(latestTrade|latestQuote|minuteBar|dailyBar|prevDailyBar): None is not of type 'object'"
)

NAMES = {"type": "array", "items": {"type": "string"}}
REDACTED = {"const": "redacted"}
# The OpenAPI files know nothing of the streams.
MESSAGES = {
    "/v2/iex": {"oneOf": [
        {
            "properties": {"action": {"const": "auth"}, "key": REDACTED, "secret": REDACTED},
            "required": ["action", "key", "secret"], "additionalProperties": False,
        },
        {
            "properties": {
                "action": {"enum": ["subscribe", "unsubscribe"]}, "trades": NAMES, "quotes": NAMES, "bars": NAMES,
                "updatedBars": NAMES, "dailyBars": NAMES, "statuses": NAMES, "lulds": NAMES,
            },
            "required": ["action"], "additionalProperties": False,
        },
    ]},
    "/stream": {"oneOf": [
        {
            "properties": {
                "action": {"const": "authenticate"},
                "data": {
                    "properties": {"key_id": REDACTED, "secret_key": REDACTED},
                    "required": ["key_id", "secret_key"], "additionalProperties": False,
                },
            },
            "required": ["action", "data"], "additionalProperties": False,
        },
        {
            "properties": {
                "action": {"const": "listen"},
                "data": {"properties": {"streams": NAMES}, "required": ["streams"], "additionalProperties": False},
            },
            "required": ["action", "data"], "additionalProperties": False,
        },
    ]},
}


def problems_of_message(target, message):
    validator = jsonschema.Draft202012Validator(MESSAGES[target])
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(message)]


def entries(recording):
    return [json.loads(line) for line in recording.read_text().splitlines()]


class RecordingTestCase(unittest.TestCase):
    binaries: pathlib.Path
    directory: pathlib.Path

    @classmethod
    def setUpClass(cls):
        cls.specification = Specification()

    def operation(self, entry):
        operation = self.specification.operation(entry["method"], entry["target"])
        self.assertIsNotNone(operation, f"{entry['method']} {entry['target']} is in neither file")
        return operation

    def assert_none(self, problems):
        """One line for each kind of problem."""
        kinds = {}
        for entry, problem in problems:
            if DEVIATIONS.fullmatch(problem):
                continue
            kinds.setdefault((self.operation(entry).name, problem), entry)
        self.assertEqual(len(kinds), 0, "\n" + "\n".join(
            f"{name}: {problem}\n  in {json.dumps(entry)[:1000]}" for (name, problem), entry in kinds.items()
        ))


class AnswerTests(RecordingTestCase):
    def test_every_answer_to_the_clients_is_as_specified(self):
        recordings = sorted(self.directory.glob("*Tests/*/recording.jsonl"))
        alpaca = [
            entry for recording in recordings for entry in entries(recording)
            if entry["kind"] == "request" and entry["target"].startswith("/v2/")
        ]
        self.assert_none([
            (entry, problem) for entry in alpaca
            for problem in self.operation(entry).check_answer(entry["status"], entry["answer"])
        ])
        answered = {self.operation(entry).name for entry in alpaca if entry["status"] < 300}
        wanted = {
            "GET /v2/account", "GET /v2/account/configurations", "PATCH /v2/account/configurations",
            "GET /v2/account/activities/{activity_type}", "GET /v2/clock", "GET /v2/calendar", "GET /v2/assets",
            "GET /v2/assets/{symbol_or_asset_id}", "GET /v2/positions", "GET /v2/positions/{symbol_or_asset_id}",
            "DELETE /v2/positions", "DELETE /v2/positions/{symbol_or_asset_id}", "GET /v2/orders", "POST /v2/orders",
            "DELETE /v2/orders", "GET /v2/orders/{order_id}", "PATCH /v2/orders/{order_id}",
            "DELETE /v2/orders/{order_id}", "GET /v2/orders:by_client_order_id", "GET /v2/stocks/bars",
            "GET /v2/stocks/{symbol}/bars", "GET /v2/stocks/quotes/latest", "GET /v2/stocks/trades/latest",
            "GET /v2/stocks/bars/latest", "GET /v2/stocks/{symbol}/quotes/latest",
            "GET /v2/stocks/{symbol}/trades/latest", "GET /v2/stocks/{symbol}/bars/latest", "GET /v2/stocks/snapshots",
            "GET /v2/stocks/{symbol}/snapshot",
        }
        self.assertEqual(wanted - answered, set(), "no session was given an answer to these")


class AdapterTests(RecordingTestCase):
    def replay(self, name, **settings):
        """The recording of a replay through the agents."""
        folder = self.directory / "AdapterTests" / name
        (folder / "bars").mkdir(parents=True)
        for symbol in ("AAPL", "IBM", "MSFT"):
            with open(SAMPLE / f"{symbol}.csv") as sample:
                (folder / "bars" / f"{symbol}.csv").write_text("".join(itertools.islice(sample, 110)))
        recording = folder / "adapters.jsonl"
        run = subprocess.run(
            [str(self.binaries / "tradectl"), "replay", f"--bars={folder / 'bars'}", f"--run-directory={folder / 'run'}",
             f"--binaries={self.binaries}"],
            env={"PATH": os.environ.get("PATH", ""), "RECORDING": str(recording), **settings},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=REPLAY_DEADLINE,
        )
        self.assertEqual(run.returncode, 0, run.stdout.decode()[-3000:])
        return entries(recording)

    def assert_as_specified(self, recorded):
        requests = [entry for entry in recorded if entry["kind"] == "request"]
        self.assert_none([
            (entry, problem) for entry in requests
            for problem in self.operation(entry).check_request(entry["target"], entry["body"])
        ])
        self.assert_none([
            (entry, problem) for entry in requests if entry["status"] is not None and entry["status"] < 500
            for problem in self.operation(entry).check_answer(entry["status"], entry["answer"])
        ])
        messages = [entry for entry in recorded if entry["kind"] == "message"]
        self.assertEqual([
            (entry, problem) for entry in messages
            for problem in problems_of_message(entry["target"], entry["message"])
        ], [])
        self.assertEqual({(entry["target"], entry["message"]["action"]) for entry in messages}, {
            ("/v2/iex", "auth"), ("/v2/iex", "subscribe"), ("/stream", "authenticate"), ("/stream", "listen"),
        })
        return {self.operation(entry).name for entry in requests}

    def test_what_the_adapters_ask_is_as_specified(self):
        asked = self.assert_as_specified(self.replay("plain"))
        self.assertLessEqual({
            "POST /v2/orders", "DELETE /v2/orders/{order_id}", "GET /v2/account", "GET /v2/clock", "GET /v2/calendar",
            "GET /v2/stocks/{symbol}/bars",
        }, asked)

    def test_what_they_ask_after_lost_answers_is_as_specified(self):
        asked = self.assert_as_specified(self.replay(
            "faults", FAULTS="accept-then-504:entry:every=2,accept-then-reset:stop:every=2,disconnect:updates:every=5"
        ))
        self.assertIn("GET /v2/orders:by_client_order_id", asked)
