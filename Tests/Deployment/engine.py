"""A Docker engine of the test's own, in namespaces of its own: nothing it does is seen outside, and all of it ends with
the one process that holds the namespaces."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time


class EngineFailure(Exception):
    pass


class Engine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = f"unix://{self.folder}/docker.sock"
        self.cgroup = f"quintet-test-{os.getpid()}"
        self.environment = {"DOCKER_HOST": self.socket, "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
        self.log = open(self.folder / "engine.log", "wb")
        (self.folder / "daemon.json").write_text("{}\n")
        command = f"""
            mount -t tmpfs none /run && ip link set lo up
            exec dockerd --data-root {self.folder}/data --exec-root /run/docker --pidfile /run/dockerd.pid \
                --config-file {self.folder}/daemon.json -H {self.socket} --cgroup-parent /{self.cgroup} \
                --dns 127.0.0.1
        """
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", command],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def wait(self, seconds=60):
        deadline = time.monotonic() + seconds
        while subprocess.run(["docker", "version"], env={**os.environ, **self.environment}, capture_output=True).returncode:
            if self.holder.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "engine.log").read_text(errors="replace")
                raise EngineFailure(f"the Docker engine does not start; it said at last:\n{said[-3000:]}")
            time.sleep(0.2)

    @property
    def pid(self):
        """Of the engine itself, which is the first process of the namespaces."""
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        return int(children[0])

    def inside(self, *command):
        """The command as it has to be to run among the containers: their network and their process ids."""
        return ["nsenter", f"--target={self.pid}", "--net", "--pid", *command]

    def stop(self):
        """Ends everything, whatever state it is in."""
        if self.holder.poll() is None:
            with contextlib.suppress(IndexError, FileNotFoundError, ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            try:
                self.holder.wait(20)
            except subprocess.TimeoutExpired:
                self.holder.kill()
                self.holder.wait()
        self.log.close()
        self.remove_cgroups()

    def remove_cgroups(self):
        deadline = time.monotonic() + 10
        for root in pathlib.Path("/sys/fs/cgroup").glob(f"**/{self.cgroup}"):
            for folder, _, _ in os.walk(root, topdown=False):
                while True:
                    try:
                        os.rmdir(folder)
                        break
                    except FileNotFoundError:
                        break
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.1)
