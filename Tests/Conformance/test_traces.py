"""The spans of real replays, as a collector that nobody here wrote receives them, and by OTLP's own definitions."""

import base64
import collections
import contextlib
import http.server
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REPLAY_DEADLINE = 150
SAMPLE = pathlib.Path(__file__).parents[2] / "Services/BrokerSimulator/SampleBars"
ROTEL = pathlib.Path(sys.prefix) / "lib" / f"python3.{sys.version_info[1]}" / "site-packages/rotel/rotel-agent"

SERVICES = {f"{name}-agent" for name in (
    "market-data", "strategy", "risk-management", "order-execution", "position-management",
)}
# What every trade that was opened and closed has: a step, and the nearest steps above it.
TREE = {
    "strategy.scan_candidates": None,
    "strategy.evaluate_criteria": "strategy.scan_candidates",
    "strategy.evaluate_setup": "strategy.scan_candidates",
    "risk.approve_trade": "strategy.evaluate_setup",
    "risk.check_limits": "risk.approve_trade",
    "risk.calculate_size": "risk.approve_trade",
    "order.submit": "risk.approve_trade",
    "order.place_entry": "order.submit",
    "alpaca_api.place_order": "order.place_entry",
    "position.set_stop": "position.track",
    "alpaca_api.place_stop_order": "position.set_stop",
}


def binary_ids(request):
    """Protobuf's own JSON has bytes in base64, OTLP's has trace and span ids in hexadecimal."""
    def changed(value):
        if isinstance(value, dict):
            return {
                key: base64.b64encode(bytes.fromhex(each)).decode()
                if key in ("traceId", "spanId", "parentSpanId") else changed(each)
                for key, each in value.items()
            }
        return [changed(each) for each in value] if isinstance(value, list) else value
    return changed(request)


class Recorder(http.server.ThreadingHTTPServer):
    """Keeps every request, and hands it on to the real collector, whose answer is given after `delay` seconds."""

    daemon_threads = True

    def __init__(self, collector, delay):
        self.collector, self.delay, self.requests, self.answers = collector, delay, [], []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(
            f"{self.server.collector}{self.path}", body, {"Content-Type": self.headers["Content-Type"]}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text = answer.status, answer.read()
        self.server.requests.append(json.loads(body))
        self.server.answers.append((self.path, status, text))
        time.sleep(self.server.delay)
        # Whoever was killed meanwhile does not hear it.
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class TraceTests(unittest.TestCase):
    binaries: pathlib.Path
    directory: pathlib.Path

    def replay(self, name, **settings):
        """The spans of a replay, with their services, and what the collector has logged of them."""
        folder = self.directory / "TraceTests" / name
        (folder / "bars").mkdir(parents=True)
        for symbol in ("AAPL", "IBM", "MSFT"):
            with open(SAMPLE / f"{symbol}.csv") as sample:
                (folder / "bars" / f"{symbol}.csv").write_text("".join(itertools.islice(sample, 110)))
        port = free_port()
        log = open(folder / "collector.log", "wb")
        ROTEL.chmod(0o755)
        collector = subprocess.Popen(
            [str(ROTEL), "start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity",
             "detailed", "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint",
             f"127.0.0.1:{free_port()}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        self.addCleanup(collector.wait)
        self.addCleanup(collector.send_signal, signal.SIGKILL)
        self.addCleanup(log.close)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        recorder = Recorder(f"http://127.0.0.1:{port}", settings.pop("delay", 0))
        self.addCleanup(recorder.server_close)
        self.addCleanup(recorder.shutdown)
        run = subprocess.run(
            [str(self.binaries / "tradectl"), "replay", f"--bars={folder / 'bars'}", f"--run-directory={folder / 'run'}",
             f"--binaries={self.binaries}", *settings.pop("options", [])],
            env={"PATH": os.environ.get("PATH", ""), "OTEL_BSP_SCHEDULE_DELAY": "100",
                 "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{recorder.server_port}", **settings},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=REPLAY_DEADLINE,
        )
        self.assertEqual(run.returncode, 0, run.stdout.decode()[-3000:])
        self.assertTrue(recorder.answers)
        for path, status, text in recorder.answers:
            self.assertEqual((path, status, json.loads(text)), ("/v1/traces", 200, {"partialSuccess": None}))
        for request in recorder.requests:
            # Refuses what the definitions do not know.
            json_format.ParseDict(binary_ids(request), ExportTraceServiceRequest())
        spans = [
            (service, span)
            for request in recorder.requests for resource in request["resourceSpans"]
            for service in [next(
                each["value"]["stringValue"] for each in resource["resource"]["attributes"]
                if each["key"] == "service.name"
            )]
            for scope in resource["scopeSpans"] for span in scope["spans"]
        ]
        report = json.loads((folder / "run" / "report.json").read_text())
        return spans, report["trades"], (folder / "collector.log").read_text()

    def assert_stories(self, spans, trades, repetitions=False):
        """One trace for each trade, from its scan to its close, without a gap.

        Whoever sends the spans may be killed after the collector has taken them and before that is kept: then they are
        sent again (`repetitions`), and have to be the same spans.
        """
        traces = collections.defaultdict(dict)
        for service, span in spans:
            told = traces[span["traceId"]].setdefault(span["spanId"], (service, span))
            if repetitions:
                self.assertEqual(told, (service, span), "two spans have one id")
            else:
                self.assertIs(told[1], span, f"{span['name']} was told twice")
        for trace in traces.values():
            for service, span in trace.values():
                if "parentSpanId" in span:
                    self.assertIn(span["parentSpanId"], trace, f"{service}: {span['name']} is below nothing")
        self.assertTrue(trades)
        for trade in trades:
            trace = traces[trade["trace_id"]]
            self.assertEqual({service for service, _ in trace.values()}, SERVICES, trade["trade_id"])
            roots = [span["name"] for _, span in trace.values() if "parentSpanId" not in span]
            self.assertEqual(len(roots), 1, f"{trade['trade_id']}: {roots}")
            named = collections.defaultdict(list)
            for _, span in trace.values():
                named[span["name"]].append(span)
            for name, above in TREE.items():
                self.assertTrue(named[name], f"{trade['trade_id']} has no {name}")
                ancestors = [self.ancestors(span, trace) for span in named[name]]
                if above:
                    self.assertTrue(any(above in names for names in ancestors), f"{name} is not below {above}")
            states = [
                attribute["value"]["stringValue"] for _, span in trace.values() for event in span.get("events", [])
                for attribute in event["attributes"] if attribute["key"] == "trade.state.to"
            ]
            self.assertEqual(sorted(states), sorted(step["to"] for step in trade["history"]))

    def assert_requests(self, spans, trades):
        """Each order's request to the broker stands below its call, with what was asked and what was answered."""
        for trade in trades:
            trace = {span["spanId"]: span for _, span in spans if span["traceId"] == trade["trace_id"]}
            calls = [span for span in trace.values() if span["name"].startswith("alpaca_api.place_")]
            self.assertGreaterEqual(len(calls), 2)
            for call in calls:
                requests = [span for span in trace.values() if span.get("parentSpanId") == call["spanId"]
                            and span["name"] == "POST"]
                self.assertEqual(len(requests), 1, call)
                told = {each["key"]: each["value"] for each in requests[0]["attributes"]}
                self.assertEqual(told["http.request.method"], {"stringValue": "POST"})
                self.assertEqual(told["url.path"], {"stringValue": "/v2/orders"})
                self.assertEqual(told["http.response.status_code"], {"intValue": "200"})
                self.assertTrue(told["server.address"]["stringValue"].startswith("127.0.0.1"))

    @staticmethod
    def ancestors(span, trace):
        names = []
        while "parentSpanId" in span:
            span = trace[span["parentSpanId"]][1]
            names.append(span["name"])
        return names

    def test_a_trade_is_one_trace_through_five_services(self):
        spans, trades, log = self.replay("plain")
        self.assert_stories(spans, trades)
        self.assertEqual(log.count("Trace ID       : "), len(spans))
        self.assertIn("alpaca_api.place_stop_order", log)
        self.assertIn(trades[0]["trace_id"], log)
        self.assert_requests(spans, trades)

    def test_killed_agents_leave_no_gap(self):
        # Slow answers, so that some die between a request and its answer.
        spans, trades, _ = self.replay("kills", options=["--kill-every=1", "--seed=5"], delay=0.1)
        self.assert_stories(spans, trades, repetitions=True)
