"""Metrics, alert rules and dashboard, by Prometheus' own tools and by a Prometheus that watches a real replay."""

import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

from test_traces import SAMPLE, free_port

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus/quintet.rules.yaml"
AGENTS = ("market-data-agent", "strategy-agent", "risk-management-agent", "order-execution-agent",
          "position-management-agent")
DEADLINE = 60
OWN_METRIC = re.compile(r"\b(?:quintet|process)_\w+")
SAMPLE_LINE = re.compile(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$")


def tool(name):
    return str(pathlib.Path(os.environ["PROMETHEUS_PROGRAMS"]) / name)


def panels():
    dashboard = json.loads((DEPLOY / "grafana/dashboards/quintet.json").read_text())
    return dashboard, [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions():
    return [(panel["title"], target["expr"]) for panel in panels()[1] for target in panel["targets"]]


class PromtoolTests(unittest.TestCase):
    def promtool(self, *arguments):
        run = subprocess.run([tool("promtool"), *map(str, arguments)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(run.returncode, 0, run.stdout.decode())

    def test_the_configuration_and_its_rules_are_right(self):
        # Debian's Prometheus cannot look for pods; what it is told of them is checked without that.
        discovery = "    kubernetes_sd_configs:\n      - {role: pod}\n"
        text = (DEPLOY / "prometheus/kubernetes.yaml").read_text()
        self.assertIn(discovery, text)
        file = self.directory / "kubernetes.yaml"
        file.write_text(text.replace(discovery, "    static_configs:\n      - {targets: ['any:1']}\n"))
        self.promtool("check", "config", "--syntax-only", file)
        self.promtool("check", "config", DEPLOY / "prometheus/prometheus.yaml")
        self.promtool("check", "rules", "--lint-fatal", RULES)

    def test_each_alert_fires_when_it_should_and_not_before(self):
        self.promtool("test", "rules", DEPLOY / "prometheus/quintet.rules.test.yaml")
        alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
        tested = set(re.findall(r'alertname="(\w+)"', (DEPLOY / "prometheus/quintet.rules.test.yaml").read_text()))
        self.assertEqual(alerts, tested)

    def test_agents_are_looked_for_where_they_listen(self):
        text = (DEPLOY / "prometheus/prometheus.yaml").read_text()
        found = re.findall(r"job_name: (\S+)\n.*\n.*names: \[(.+)\], .*port: (\d+)", text)
        self.assertEqual(found, [(agent, f"{agent}, alpaca-{agent}", self.default_port(agent)) for agent in AGENTS])

    def default_port(self, agent):
        text = subprocess.run([str(self.binaries / agent), "--help"], capture_output=True, timeout=20).stdout.decode()
        return re.search(r"HTTP_PORT,\s+(\d+)", text)[1]

    def test_the_dashboard_is_sound(self):
        dashboard, shown = panels()
        everything = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in everything}), len(everything))
        boxes = [panel["gridPos"] for panel in everything]
        for box in boxes:
            self.assertLessEqual(box["x"] + box["w"], 24)
        for a, b in itertools.combinations(boxes, 2):
            apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                     or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
            self.assertTrue(apart, f"{a} and {b} overlap")
        source = {"type": "prometheus", "uid": "${datasource}"}
        for panel in shown:
            self.assertTrue(panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel["title"])
            self.assertEqual([panel["datasource"]] + [target["datasource"] for target in panel["targets"]],
                             [source] * (1 + len(panel["targets"])))
        rules = [{"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
                 for number, (_, expression) in enumerate(expressions())]
        file = self.directory / "dashboard.rules.json"
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        self.promtool("check", "rules", file)


class Prometheus:
    """A real one, which looks at the agents every second."""

    def __init__(self, folder, targets):
        self.port = free_port()
        folder.mkdir()
        (folder / "prometheus.json").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {"job_name": agent, "static_configs": [{"targets": [target]}]} for agent, target in targets.items()
            ],
        }))
        self.log = open(folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            [tool("prometheus"), f"--config.file={folder / 'prometheus.json'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except OSError:
            if self.process.poll() is not None:
                raise
            return {"result": []}

    def value(self, expression):
        """None if there is none."""
        result = self.ask("query", query=expression)["result"]
        return float(result[0]["value"][1]) if result else None


class MonitoringTests(unittest.TestCase):
    def awaited(self, what, ask):
        deadline = time.monotonic() + DEADLINE
        while True:
            answer = ask()
            if answer:
                return answer
            self.assertIsNone(self.replay.poll(), f"the replay has ended: {self.output.read_text()[-2000:]}")
            if time.monotonic() > deadline:
                self.fail(what() if callable(what) else what)
            time.sleep(0.1)

    def start(self):
        self.folder = self.directory / "MonitoringTests"
        self.folder.mkdir()
        self.output = self.folder / "replay.log"
        with open(self.output, "wb") as output:
            # With what only some have: a login, a budget of requests, a collector of spans, though nobody is there.
            self.replay = subprocess.Popen(
                [str(self.binaries / "tradectl"), "replay", f"--bars={SAMPLE}", f"--run-directory={self.folder / 'run'}",
                 f"--binaries={self.binaries}", "--broker-dialect=schwab"],
                env={"PATH": os.environ.get("PATH", ""), "BROKER_REQUESTS_PER_MINUTE": "100000",
                     "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )
        self.addCleanup(self.replay.wait)
        self.addCleanup(self.replay.send_signal, signal.SIGTERM)

    def address(self, name):
        file = self.folder / "run" / f"{name}.url"
        return self.awaited(f"{name} has no address", lambda: file.exists() and file.read_text().strip())

    def test_a_run_is_seen_and_no_panel_is_dead(self):
        self.start()
        addresses = {agent: self.address(agent) for agent in AGENTS}
        prometheus = Prometheus(
            self.folder / "prometheus", {agent: url.removeprefix("http://") for agent, url in addresses.items()}
        )
        self.addCleanup(prometheus.stop)
        self.awaited("not every agent is up", lambda: prometheus.value("count(up == 1)") == len(AGENTS))

        waiting = expressions()

        def none_is_empty():
            waiting[:] = [
                (title, expression) for title, expression in waiting
                if prometheus.value(expression.replace("$__rate_interval", "20s")) is None
            ]
            return not waiting

        self.awaited(lambda: f"nothing to show: {waiting}", none_is_empty)
        self.assertGreater(prometheus.value("max(quintet_equity_dollars)"), 5000)
        self.assertEqual(prometheus.value('count(quintet_equity_dollars{agent="risk-management-agent"})'), 1)

        page = (DEPLOY / "MONITORING.md").read_text()
        documented = re.findall(r"^\| `(?:quintet|process)_.*$", page, re.M)
        pages, metrics = {}, {}

        def all_is_told():
            pages.update({
                agent: urllib.request.urlopen(f"{url}/metrics", timeout=20).read().decode()
                for agent, url in addresses.items()
            })
            metrics.update(self.metrics(pages))
            return documented == self.rows(metrics)

        self.awaited(lambda: "deploy/MONITORING.md should have\n" + "\n".join(self.rows(metrics)), all_is_told)
        for agent, text in pages.items():
            check = subprocess.run([tool("promtool"), "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual((check.returncode, check.stdout.decode()), (0, ""), agent)

        groups = prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertEqual({rule["health"] for rule in rules}, {"ok"}, rules)
        alerts = [rule for rule in rules if rule["type"] == "alerting"]
        firing = [rule["name"] for rule in alerts if rule["state"] == "firing"]
        # Those with a `for` of a minute could not fire so soon; their own tests are beside the rules.
        self.assertEqual(firing, [], "nothing is the matter")
        for rule in rules:
            for name in OWN_METRIC.findall(re.sub(r'"[^"]*"', "", rule["query"])):
                self.assertIn(name, metrics, rule["name"])
        expected = [
            f"| `{rule['name']}` | {rule['labels']['severity']} | {' '.join(rule['annotations']['description'].split())} |"
            for rule in alerts
        ]
        found = re.findall(r"^\| `Quintet\w+` .*$", page, re.M)
        self.assertEqual(sorted(found), sorted(expected), "deploy/MONITORING.md should have\n" + "\n".join(expected))

        halt = subprocess.run(
            [str(self.binaries / "tradectl"), "halt", "--reason", "test"],
            env={"PATH": os.environ.get("PATH", ""), "REDIS_URL": self.address("redis")},
            capture_output=True, timeout=60,
        )
        self.assertEqual(halt.returncode, 0, halt.stderr.decode())
        self.awaited("the halt is not seen", lambda: prometheus.value(
            'ALERTS{alertname="QuintetTradingHalted", alertstate="firing"}') == 1)

    @staticmethod
    def metrics(pages):
        """What each metric is: its HELP, its labels, and who tells it."""
        metrics = {}
        for agent, page in pages.items():
            helps = dict(re.findall(r"^# HELP (\w+) (.*)$", page, re.M))
            for name in re.findall(r"^# TYPE (\w+) ", page, re.M):
                labels, agents = metrics.setdefault(name, (set(), []))[:2]
                agents.append(agent)
                metrics[name] = (labels, agents, helps.get(name))
            for line in page.splitlines():
                if match := SAMPLE_LINE.match(line):
                    name = match[1] if match[1] in metrics else line.split("{")[0].split(" ")[0]
                    metrics[name][0].update(re.findall(r'(\w+)="', match[2] or ""))
        return {name: (labels - {"agent", "le"}, agents, text) for name, (labels, agents, text) in metrics.items()}

    @staticmethod
    def rows(metrics):
        """The metrics as the page lists them."""
        def row(name):
            labels, agents, text = metrics[name]
            who = "all" if len(agents) == len(AGENTS) else ", ".join(
                agent.removesuffix("-agent") for agent in AGENTS if agent in agents)
            return f"| `{name}` | {', '.join(f'`{label}`' for label in sorted(labels))} | {who} | {text} |"

        return [row(name) for name in sorted(metrics)]
