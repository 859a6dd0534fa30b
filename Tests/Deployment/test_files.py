"""What can be told of the files under deploy/ without running them."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import jsonschema
import kubernetes_validate
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy/compose.yaml"
AGENTS = ["market-data-agent", "strategy-agent", "risk-management-agent", "order-execution-agent",
          "position-management-agent"]
# With the built programs; whoever runs the tests says it.
BINARIES = ROOT / ".build/release"
SCALING = ["strategy-agent", "risk-management-agent"]
STREAM_OWNERS = ["market-data-agent", "order-execution-agent"]
BROKERS_CLIENTS = set(AGENTS) - {"strategy-agent"}


def clean_environment(**variables):
    """Nothing of whoever runs the test may change what the files mean."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "DOCKER_HOST")}
    return {**kept, **variables}


def render(folder):
    return subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout


def objects(folder):
    return [each for each in yaml.safe_load_all(render(ROOT / "deploy/kubernetes" / folder)) if each]


class ComposeFile(unittest.TestCase):
    @staticmethod
    def config(*options, **variables):
        run = subprocess.run(["docker-compose", *options, "-f", COMPOSE, "config"], check=True, capture_output=True,
                             text=True, env=clean_environment(**variables))
        return yaml.safe_load(run.stdout)

    def test_compose_2_takes_it(self):
        document = yaml.safe_load(COMPOSE.read_text())
        jsonschema.validate(document, get_builtin_schema("vendor.compose-spec"))

    def test_every_service_is_confined(self):
        for name, service in self.config()["services"].items():
            with self.subTest(service=name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                for limit in ("mem_limit", "cpus", "pids_limit"):
                    self.assertIn(limit, service)
                self.assertNotIn("container_name", service)
                self.assertFalse(service.get("privileged"))
                for port in service.get("ports", []):
                    self.assertTrue(str(port).startswith("127.0.0.1:"), port)

    def test_real_money_takes_two_switches(self):
        plain = self.config()["services"]["alpaca-order-execution-agent"]["environment"]
        self.assertEqual((plain["TRADE_LIVE"], plain["APCA_API_BASE_URL"]), ("no", ""))
        for name, service in self.config()["services"].items():
            if not name.startswith("alpaca-"):
                self.assertNotIn("TRADE_LIVE", service.get("environment", {}), name)

    def test_who_does_not_talk_to_the_broker_has_no_key_and_no_way(self):
        services = self.config()["services"]
        for named in ("secrets", "networks"):
            holders = {name for name, service in services.items()
                       if {"broker", "apca-api-key-id", "apca-api-secret-key"} & {
                           each["source"] if isinstance(each, dict) else each for each in service.get(named, [])}}
            self.assertEqual(holders, {f"alpaca-{name}" for name in (*BROKERS_CLIENTS, "tradectl")}, named)
        for name, service in services.items():
            keys = {each for each in service.get("environment") or {} if each.startswith("APCA_")}
            self.assertEqual(bool(keys), "secrets" in service, name)

    def test_each_mounts_its_own_password_alone(self):
        services = self.config()["services"]
        for name, service in services.items():
            mounted = {volume.split(":")[0] for volume in service.get("volumes", []) if "-access-" in volume}
            prefix, user = ("alpaca", name.removeprefix("alpaca-")) if name.startswith("alpaca-") else ("demo", name)
            with self.subTest(service=name):
                if user == "access":
                    self.assertEqual(service["network_mode"], "none")
                elif user in ("jaeger", "prometheus", "grafana"):
                    self.assertEqual(mounted, set())
                else:
                    self.assertEqual(mounted, {f"{prefix}-access-{user}"})
                    if user != "redis":
                        self.assertIn(f"redis://{user}@", service["environment"]["REDIS_URL"])

    def test_the_example_names_every_variable_with_its_default(self):
        used = dict(re.findall(r"\$\{([A-Z_]+):?-([^}]*)\}", COMPOSE.read_text()))
        example = dict(line.split("=", 1) for line in (ROOT / "deploy/.env.example").read_text().splitlines()
                       if line and not line.startswith("#"))
        for name in ("COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"):
            used[name] = dict(line.split("=", 1) for line in (ROOT / "deploy/.env").read_text().splitlines()
                              if line and not line.startswith("#"))[name]
        self.assertEqual(used, example)

    def test_settings_of_ones_own_are_taken_and_kept_out_of_git(self):
        example = (ROOT / "deploy/.env.example").read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".env") as own:
            own.write(example.replace("\nSYMBOLS=\n", "\nSYMBOLS=AAPL\n"))
            own.flush()
            services = self.config("--env-file", own.name, "--profile", "alpaca")["services"]
        self.assertEqual(services["alpaca-market-data-agent"]["environment"]["SYMBOLS"], "AAPL")
        self.assertIn("deploy/local.env", (ROOT / ".gitignore").read_text().splitlines())

    def test_a_setting_that_reaches_nobody_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "deploy").mkdir()
            for name in ("Makefile", "deploy/.env.example"):
                (pathlib.Path(folder) / name).write_text((ROOT / name).read_text())
            own = pathlib.Path(folder) / "deploy/local.env"
            for setting, is_known in (("RISK_CASH_RESERVE=0.9", True), ("RISC_CASH_RESERVE=0.9", False)):
                own.write_text(f"# Mine.\nSYMBOLS=AAPL\n{setting}\n")
                told = subprocess.run(["make", "-n", "up"], cwd=folder, capture_output=True, text=True)
                self.assertEqual(told.returncode, 0 if is_known else 2, told.stderr)
                self.assertEqual("sets RISC_CASH_RESERVE," in told.stderr, not is_known, told.stderr)

    def test_what_is_mounted_is_there(self):
        for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items():
            for volume in service.get("volumes", []):
                path = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
                if path.startswith("."):
                    self.assertTrue((COMPOSE.parent / path).exists(), f"{name}: {path}")


class Kubernetes(unittest.TestCase):
    LAYERS = ["base", "overlays/staging"]

    def test_every_object_is_valid(self):
        for layer in self.LAYERS:
            for each in objects(layer):
                with self.subTest(layer=layer, kind=each["kind"], name=each["metadata"]["name"]):
                    kubernetes_validate.validate(each, "1.37", strict=True)

    def pods(self, layer):
        for each in objects(layer):
            if each["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"):
                yield each, each["spec"]["template"]["spec"]

    def test_every_pod_is_confined(self):
        for layer in self.LAYERS:
            count = 0
            for owner, pod in self.pods(layer):
                count += 1
                with self.subTest(layer=layer, name=owner["metadata"]["name"]):
                    self.assertIs(pod["automountServiceAccountToken"], False)
                    self.assertNotEqual(pod["serviceAccountName"], "default")
                    context = pod["securityContext"]
                    self.assertIs(context["runAsNonRoot"], True)
                    self.assertGreater(context["runAsUser"], 0)
                    self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
                    for unwanted in ("hostNetwork", "hostPID", "hostIPC"):
                        self.assertNotIn(unwanted, pod)
                    for volume in pod.get("volumes", []):
                        self.assertNotIn("hostPath", volume)
                    self.assertTrue(pod["topologySpreadConstraints"])
                    self.assertGreater(pod["terminationGracePeriodSeconds"], 6)
                    for container in pod["containers"] + pod.get("initContainers", []):
                        own = container["securityContext"]
                        self.assertIs(own["allowPrivilegeEscalation"], False)
                        self.assertIs(own["readOnlyRootFilesystem"], True)
                        self.assertEqual(own["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertIn("cpu", container["resources"]["requests"])
                        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                            self.assertIn(probe, container)
            self.assertEqual(count, 5 if layer == "base" else 6)

    def test_agents_are_probed_scaled_and_replaced_as_each_can_be(self):
        everything = objects("base")
        deployments = {each["metadata"]["name"]: each["spec"] for each in everything if each["kind"] == "Deployment"}
        self.assertEqual(set(deployments), set(AGENTS))
        scaled = {each["spec"]["scaleTargetRef"]["name"] for each in everything
                  if each["kind"] == "HorizontalPodAutoscaler"}
        self.assertEqual(scaled, set(SCALING))
        guarded = {each["metadata"]["name"] for each in everything if each["kind"] == "PodDisruptionBudget"}
        self.assertEqual(guarded, set(AGENTS))
        for name, spec in deployments.items():
            with self.subTest(agent=name):
                container = spec["template"]["spec"]["containers"][0]
                self.assertEqual(container["command"], [name])
                self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/livez")
                self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")
                environment = {each["name"]: each.get("value") for each in container["env"]}
                self.assertIn(f"://{name}@", environment["REDIS_URL"])
                secret = spec["template"]["spec"]["volumes"][0]["secret"]["secretName"]
                self.assertEqual(secret, f"{name}-redis")
                # The lease on a stream is held by that name: one for two pods would let both in.
                self.assertEqual(environment["AGENT_INSTANCE"], "{hostname}")
                if name in STREAM_OWNERS:
                    self.assertEqual((spec["replicas"], spec["strategy"]["type"]), (1, "Recreate"))
                self.assertEqual("replicas" in spec, name not in SCALING)

    def test_every_agent_accepts_what_staging_tells_it(self):
        everything = objects("overlays/staging")
        settings = {each["metadata"]["name"]: each["data"] for each in everything if each["kind"] == "ConfigMap"}
        with tempfile.NamedTemporaryFile("w", suffix=".password") as password:
            password.write("any")
            password.flush()
            for each in everything:
                if each["kind"] != "Deployment":
                    continue
                container = each["spec"]["template"]["spec"]["containers"][0]
                variables = {}
                for source in container["envFrom"]:
                    if source.get("secretRef") == {"name": "broker"}:
                        variables |= {"APCA_API_KEY_ID": "any", "APCA_API_SECRET_KEY": "any"}
                    else:
                        variables |= settings[source["configMapRef"]["name"]]
                for variable in container["env"]:
                    if source := variable.get("valueFrom"):
                        reference = source["configMapKeyRef"]
                        variables[variable["name"]] = settings[reference["name"]][reference["key"]]
                    else:
                        value = re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]], variable["value"])
                        variables[variable["name"]] = value
                variables["REDIS_PASSWORD_FILE"] = password.name
                with self.subTest(agent=each["metadata"]["name"]):
                    done = subprocess.run([BINARIES / container["command"][0], "--check-configuration"], env=variables,
                                          capture_output=True, text=True)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_only_what_is_named_may_be_reached(self):
        policies = {each["metadata"]["name"]: each["spec"] for each in objects("overlays/staging")
                    if each["kind"] == "NetworkPolicy"}
        self.assertEqual(policies["default-deny"], {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
        selected = policies["broker"]["podSelector"]["matchExpressions"][0]["values"]
        self.assertEqual(set(selected), BROKERS_CLIENTS)
        holders = {owner["metadata"]["name"] for owner, pod in self.pods("overlays/staging")
                   if {"secretRef": {"name": "broker"}} in pod["containers"][0].get("envFrom", [])}
        self.assertEqual(holders, BROKERS_CLIENTS)

    def test_every_secret_that_a_pod_names_can_come_from_a_store(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "deploy/kubernetes/overlays") as folder:
            pathlib.Path(folder, "kustomization.yaml").write_text(
                "resources: [../staging]\ncomponents: [../../components/external-secrets]\n")
            everything = [each for each in yaml.safe_load_all(render(folder)) if each]
        made = {each["spec"]["target"]["name"] for each in everything if each["kind"] == "ExternalSecret"}
        named = set()
        for each in everything:
            for spec in re.findall(r'"secretName": "([^"]+)"|"secretRef": {"name": "([^"]+)"}', json.dumps(each)):
                named |= set(filter(None, spec))
        operator = json.loads((ROOT / "deploy/kubernetes/tradectl.json").read_text())
        named.add(operator["spec"]["volumes"][0]["secret"]["secretName"])
        self.assertEqual(made, named)
