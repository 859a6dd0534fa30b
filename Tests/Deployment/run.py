"""Holds the files under deploy/ against the tools that read them, and runs the demonstration in containers:
`run.py <folder of the built programs>`, as root."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import unittest

import test_files
from demonstration import Demonstration, say


def end(number, _):
    sys.exit(128 + number)


def main():
    begun = time.monotonic()
    test_files.BINARIES = pathlib.Path(sys.argv[1]).resolve()
    result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromModule(test_files))
    if not result.wasSuccessful():
        sys.exit(1)
    if os.geteuid() != 0:
        sys.exit("deployment: a Docker engine of its own needs root; run the tests as root")
    # What has been started ends on the way out.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quintet-deployment-"))
    try:
        Demonstration(sys.argv[1], folder).hold()
    finally:
        shutil.rmtree(folder)
    say(f"all of it in {time.monotonic() - begun:.0f} s")


main()
