"""deploy/compose.yaml for real: the image built and the demonstration run, scaled, restarted, killed and robbed of its
Redis, in a Docker engine of its own; and what comes of it held against a run that nothing disturbs."""

import contextlib
import datetime
import json
import pathlib
import re
import subprocess
import sys
import time


from engine import Engine
from test_files import AGENTS, COMPOSE, ROOT, clean_environment

PORTS = dict(zip(AGENTS, range(8081, 8086)))
IMAGE_LIMIT = 120_000_000
# What an agent takes is far below; a machine with two busy processors takes its time for the container.
READY_WITHIN = 10.0


class Failure(Exception):
    pass


def check(fact, otherwise):
    if not fact:
        raise Failure(otherwise)


def say(text):
    print(f"deployment: {text}", flush=True)


def stand_in_names():
    """The images' names that the files use where nothing else is configured."""
    stages = dict(re.findall(r"^ARG (\w+)=(\S+)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE))
    defaults = dict(re.findall(r"\$\{([A-Z_]+_IMAGE):-([^}]+)\}", COMPOSE.read_text()))
    for name in ("SWIFT_IMAGE", "BASE_IMAGE"):
        check(stages[name] == defaults[name], f"deploy/Dockerfile and compose.yaml differ in {name}")
    return defaults["SWIFT_IMAGE"], defaults["BASE_IMAGE"], defaults["REDIS_IMAGE"]


class Demonstration:
    def __init__(self, binaries, folder):
        self.binaries = pathlib.Path(binaries).resolve()
        self.folder = pathlib.Path(folder)
        engine_folder = self.folder / "engine"
        engine_folder.mkdir()
        self.engine = Engine(engine_folder)
        self.environment = clean_environment(**self.engine.environment)

    # Commands

    def run(self, *command, check_code=True, timeout=300, variables=None):
        done = subprocess.run([str(each) for each in command], env={**self.environment, **(variables or {})},
                              capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        if check_code and done.returncode:
            raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}:\n"
                          f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done

    def compose(self, *arguments, **options):
        return self.run("docker-compose", "-f", COMPOSE, *arguments, **options)

    def tradectl(self, *arguments, codes=(0,)):
        done = self.compose("run", "--rm", "-T", "tradectl", *arguments, check_code=False)
        check(done.returncode in codes, f"tradectl {arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def containers(self, service):
        return self.compose("ps", "-q", service).stdout.split()

    def inspect(self, *containers):
        return json.loads(self.run("docker", "inspect", *containers).stdout)

    def awaited(self, what, fact, seconds=90):
        deadline = time.monotonic() + seconds
        while not (found := fact()):
            check(time.monotonic() < deadline, f"{what}: not within {seconds} s")
            time.sleep(0.3)
        return found

    def await_health(self, *services):
        def all_healthy():
            ids = [each for service in services for each in self.containers(service)]
            return all(each["State"]["Running"] and each["State"]["Health"]["Status"] == "healthy"
                       for each in self.inspect(*ids))
        self.awaited(f"health of {', '.join(services)}", all_healthy)

    def readiness(self, container, port, script):
        """Asks for /readyz among the containers, as the script says."""
        address = next(iter(self.inspect(container)[0]["NetworkSettings"]["Networks"].values()))["IPAddress"]
        program = f"""
import http.client, time
def ready():
    try:
        connection = http.client.HTTPConnection("{address}", {port}, timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
def wait(wanted):
    deadline = time.time() + 120
    while ready() != wanted and time.time() < deadline: time.sleep(0.01)
    assert ready() == wanted, "not within two minutes"
{script}
"""
        return subprocess.Popen(self.engine.inside(sys.executable, "-c", program), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    # Steps

    def replay_undisturbed(self):
        """What `make run` runs, beside the making of images, which mostly waits."""
        return subprocess.Popen(
            [self.binaries / "tradectl", "replay", "--bars", ROOT / "Services/BrokerSimulator/SampleBars",
             "--run-directory", self.folder / "undisturbed", "--binaries", self.binaries],
            env=clean_environment(), stdin=subprocess.DEVNULL, stdout=open(self.folder / "undisturbed.log", "wb"),
            stderr=subprocess.STDOUT)

    def make_images(self):
        swift, base, redis = stand_in_names()
        begun = time.monotonic()
        script = pathlib.Path(__file__).with_name("stand-ins.sh")
        self.run("unshare", "--mount", "--propagation", "private", "bash", script, ROOT / "deploy/Dockerfile",
                 self.binaries / "quintet", swift, base, redis, timeout=600)
        say(f"stand-ins for the public images: {time.monotonic() - begun:.0f} s")
        begun = time.monotonic()
        self.compose("build", "strategy-agent", timeout=600)
        image = self.inspect("quintet:latest")[0]
        say(f"image: {image['Size'] / 1e6:.1f} MB with every program, built in {time.monotonic() - begun:.0f} s")
        check(image["Size"] < IMAGE_LIMIT, f"the image has {image['Size']} bytes, more than {IMAGE_LIMIT}")
        check(image["Config"]["User"] == "10001:10001", "the image's user is not 10001")
        check(image["Config"]["Healthcheck"]["Test"] == ["CMD", "quintet", "--check-health"], "the health check differs")
        for program in [*AGENTS, "broker-simulator", "tradectl"]:
            said = self.run("docker", "run", "--rm", "--read-only", "--network=none", "quintet:latest", program, "--help")
            check(program in said.stdout, f"{program} in the image is something else: {said.stdout[:300]}")
        nobody = self.run("docker", "run", "--rm", "--network=none", "quintet:latest", "quintet", check_code=False)
        check(nobody.returncode == 64, f"the program under its own name is something: {nobody.returncode}")
        container = self.run("docker", "create", "quintet:latest").stdout.strip()
        self.run("docker", "cp", f"{container}:/usr/share/quintet/built-from", self.folder)
        for name in ("swift", "Package.resolved", "debian"):
            check((self.folder / "built-from" / name).exists(), f"the image does not say what {name} it was built from")
        shell = self.run("docker", "run", "--rm", "quintet:latest", "sh", "-c", "true", check_code=False)
        check(shell.returncode == 127, "there is a shell in the image")

    def check_build_stage(self):
        """The stand-in has compiled nothing in the stage. Its image is given the real compiler, which is to find in it
        all that the build wants: each file and package, and C libraries to compile and link with."""
        begun = time.monotonic()
        dockerfile = ROOT / "deploy/Dockerfile"
        self.run("docker", "build", "--file", dockerfile, "--target", "build", "--tag", "quintet-build", ROOT)
        target = json.loads(self.run("swift", "-print-target-info").stdout)
        toolchain = pathlib.Path(target["paths"]["runtimeResourcePath"]).resolve().parents[1]
        repositories = next(each / "repositories" for each in self.binaries.parents if (each / "repositories").is_dir())
        # Where this machine's build has put what it fetched.
        lines = ["[safe]", "directory = *"]
        for repository in repositories.iterdir():
            url = self.run("git", "config", "--file", repository / "config", "remote.origin.url").stdout.strip()
            url = url.removesuffix(".git")
            lines += [f'[url "/packages/{repository.name}"]', f"insteadOf = {url}", f"insteadOf = {url}.git"]
        (self.folder / "gitconfig").write_text("\n".join(lines) + "\n")
        build = re.search(r"^RUN (swift build .*)$", dockerfile.read_text(), re.MULTILINE)[1]
        modules = ("CCurl", "CHiredis", "COpenSSL")
        script = f"""
            set -e
            export PATH=/toolchain/bin:$PATH
            find Package.swift Services Shared Tests -type f
            {build} --print-manifest-job-graph >/tmp/plan
            grep -q /Services/Quintet/Main.swift /tmp/plan
            mkdir /tmp/probe
            printf '%s\n' {' '.join(f"'import {each}'" for each in modules)} \
                'print(HIREDIS_MAJOR, OpenSSL_version_num(), curl_global_init(0))' >/tmp/probe/main.swift
            swiftc -static-stdlib -use-ld=lld {' '.join(f"-I Shared/{each}" for each in modules)} \
                /tmp/probe/main.swift -o /tmp/probe/probe
            /tmp/probe/probe >&2
        """
        done = self.run("docker", "run", "--rm", "--network=none", "--volume", f"{toolchain}:/toolchain:ro",
                        "--volume", f"{repositories}:/packages:ro", "--volume", f"{self.folder}/gitconfig:/gitconfig:ro",
                        "--env", "GIT_CONFIG_GLOBAL=/gitconfig", "quintet-build", "bash", "-c", script)
        there = {str(each.relative_to(ROOT)) for folder in ("Services", "Shared", "Tests")
                 for each in (ROOT / folder).rglob("*") if each.is_file() and "__pycache__" not in each.parts}
        missing = (there | {"Package.swift"}) - set(done.stdout.split("\n"))
        check(not missing, f"the build stage has not got {sorted(missing)}")
        say(f"the build stage has what the compiler needs: {time.monotonic() - begun:.0f} s")

    def bring_up(self):
        self.compose("up", "-d")
        services = ["redis", "broker-simulator", *AGENTS]
        self.await_health(*services)
        running = self.compose("ps", "--services", "--filter", "status=running").stdout.split()
        check(sorted(running) == sorted(services), f"with no configuration there run {running}")
        for service in services:
            host = self.inspect(*self.containers(service))[0]["HostConfig"]
            check(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["Privileged"]
                  and "no-new-privileges:true" in host["SecurityOpt"] and host["Memory"] and host["NanoCpus"]
                  and host["PidsLimit"], f"{service} is not confined: {host}")
        stranger = self.compose("exec", "-T", "redis", "redis-cli", "DBSIZE", check_code=False)
        check("NOAUTH" in stranger.stdout, f"Redis answers whoever asks: {stranger.stdout}")
        say("everything is up and healthy with no configuration")

    def closed_trades(self):
        return len(json.loads(self.tradectl("trades", "--closed", "--json").stdout)["trades"])

    def see_trades_close(self):
        self.awaited("a closed trade", lambda: self.closed_trades() > 0)
        early = self.tradectl("report", codes=(75,))
        check("Ask again when it is over" in early.stdout + early.stderr, "a report before the end says something else")

    def scale(self):
        self.compose("up", "-d", "--scale", "strategy-agent=3")
        def three_answer():
            status = json.loads(self.tradectl("status", "--json", codes=(0, 1)).stdout)
            strategy = next(each for each in status["agents"] if each["agent"] == "strategy-agent")
            return len([each for each in strategy["replicas"] if each["answers"]]) == 3
        self.awaited("three strategy agents that answer", three_answer)
        say("three strategy agents share the work")

    def restart(self):
        container = self.containers("order-execution-agent")[0]
        watch = self.readiness(container, PORTS["order-execution-agent"], "wait(False); wait(True); print(time.time())")
        begun = time.monotonic()
        self.compose("restart", "order-execution-agent")
        taken = time.monotonic() - begun
        said = watch.communicate(timeout=130)[0]
        check(watch.returncode == 0, f"order-execution-agent did not become ready again: {said}")
        started = self.inspect(container)[0]["State"]["StartedAt"]
        seconds = float(said) - time_of(started)
        say(f"order-execution-agent: restarted in {taken:.1f} s, ready {seconds:.2f} s after its container's start")
        check(seconds < READY_WITHIN, f"ready only {seconds:.2f} s after the start")

    def stop_gracefully(self):
        container = self.containers("risk-management-agent")[0]
        begun = time.monotonic()
        self.compose("stop", "risk-management-agent")
        state = self.inspect(container)[0]["State"]
        say(f"risk-management-agent: stopped in {time.monotonic() - begun:.1f} s, with code {state['ExitCode']}")
        check(state["ExitCode"] == 0, "it did not stop by itself")
        self.compose("start", "risk-management-agent")

    def kill(self):
        victims = [self.containers(service)[0] for service in ("market-data-agent", "position-management-agent",
                                                               "strategy-agent")]
        for victim in victims:
            # A kill through the engine would be an order to stop, which no restart follows.
            pid = self.inspect(victim)[0]["State"]["Pid"]
            self.run(*self.engine.inside("kill", "-KILL", pid))
        def all_restarted():
            return all(each["RestartCount"] and each["State"]["Running"] for each in self.inspect(*victims))
        self.awaited("the killed agents' restart", all_restarted)
        say("killed agents are started again")

    def rob_of_redis(self):
        container = self.containers("order-execution-agent")[0]
        script = "wait(False); print('unready', flush=True); wait(True)"
        watch = self.readiness(container, PORTS["order-execution-agent"], script)
        self.compose("stop", "redis")
        # Until an agent has noticed; should it not, this is what it ends with.
        watch.stdout.readline()
        self.compose("start", "redis")
        said = watch.communicate(timeout=250)[0]
        check(watch.returncode == 0, f"an agent without Redis did not become unready, or not ready again: {said}")
        say("agents outlast a Redis that is away for a while")

    def report(self):
        last = {}
        def finished():
            done = self.tradectl("report", "--json", codes=(0, 75))
            last["said"] = done.stdout + done.stderr
            return done.stdout if done.returncode == 0 else None
        try:
            return json.loads(self.awaited("the end of the replay", finished, seconds=300))
        except Failure as failure:
            raise Failure(f"{failure}; it said at last: {last.get('said')}") from None

    def stop_everything(self):
        ids = self.compose("ps", "-q").stdout.split()
        begun = time.monotonic()
        self.compose("stop")
        taken = time.monotonic() - begun
        for state in self.inspect(*ids):
            check(state["State"]["ExitCode"] == 0 and not state["State"]["OOMKilled"],
                  f"{state['Name']} ended with code {state['State']['ExitCode']}")
        say(f"all {len(ids)} containers stopped by themselves within {taken:.1f} s")
        self.compose("down", "--volumes")

    def connect_alpaca(self):
        """As far as it goes where no broker can be reached."""
        variables = {"SYMBOLS": "AAPL,MSFT"}
        for name in ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
            file = self.folder / name
            file.write_text("of-nobody\n")
            file.chmod(0o444)
            variables[f"{name}_FILE"] = str(file)
        def alpaca(*arguments, **more):
            return self.compose("--profile", "alpaca", *arguments, check_code=False, variables={**variables, **more})
        begun = alpaca("up", "-d")
        check(begun.returncode == 0, f"the profile alpaca does not start: {begun.stderr}")
        running = alpaca("ps", "--services", "--filter", "status=running").stdout.split()
        check(sorted(running) == sorted(["alpaca-redis", *(f"alpaca-{agent}" for agent in AGENTS)]),
              f"in the profile alpaca there run {running}")
        def says_what_is_missing():
            container = alpaca("ps", "-q", "alpaca-market-data-agent").stdout.strip()
            log = self.inspect(container)[0]["State"]["Health"]["Log"]
            return log and log[-1]["ExitCode"] == 1 and "APCA_API_BASE_URL" in log[-1]["Output"]
        self.awaited("a line that names the broker that cannot be reached", says_what_is_missing)
        live = alpaca("run", "--rm", "-T", "--no-deps", "alpaca-order-execution-agent", "order-execution-agent",
                      "--check-configuration", APCA_API_BASE_URL="https://api.alpaca.markets")
        check(live.returncode == 78 and "TRADE_LIVE" in live.stdout + live.stderr,
              f"one switch is enough for real money: {live.returncode} {live.stdout}{live.stderr}")
        alpaca("down", "--volumes")
        say("the profile alpaca starts up to the broker's door, and needs two switches for real money")

    def compare(self, report, undisturbed):
        check(undisturbed.wait(timeout=300) == 0, "the undisturbed run failed: "
              + (self.folder / "undisturbed.log").read_text(errors="replace")[-2000:])
        expected = json.loads((self.folder / "undisturbed/report.json").read_text())
        check(len(expected["trades"]) > 100, "the undisturbed run has closed too few trades to tell anything")
        for member in ("sessions", "account", "trades", "open_trades", "cancelled", "rejections", "equity_curve"):
            check(plain(report[member]) == plain(expected[member]), f"{member} differs from that of an undisturbed run:\n"
                  f"{json.dumps(plain(report[member]))[:1500]}\n{json.dumps(plain(expected[member]))[:1500]}")
        check(report["messages"]["dead_lettered"] == 0, "there are dead letters")
        say(f"the same {len(report['trades'])} trades as in an undisturbed run")

    def hold(self):
        undisturbed = self.replay_undisturbed()
        try:
            self.engine.wait()
            self.make_images()
            self.check_build_stage()
            # Both at once would measure each other.
            undisturbed.wait(timeout=300)
            self.bring_up()
            self.see_trades_close()
            self.scale()
            self.restart()
            self.kill()
            self.stop_gracefully()
            self.rob_of_redis()
            self.compare(self.report(), undisturbed)
            self.stop_everything()
            self.connect_alpaca()
        except Exception:
            self.tell()
            raise
        finally:
            undisturbed.terminate()
            undisturbed.wait()
            self.engine.stop()

    def tell(self):
        """What there is to see when something has failed."""
        for arguments in (["ps"], ["logs", "--no-color", "--tail=15"]):
            with contextlib.suppress(Exception):
                print(self.compose(*arguments, check_code=False, timeout=30).stdout[-12_000:], flush=True)


def plain(value):
    """Without what is each installation's own."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in ("trace_id", "message_id")}
    return [plain(each) for each in value] if isinstance(value, list) else value


def time_of(text):
    """Of an instant as the engine writes it, with nine decimals."""
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", text)).timestamp()
