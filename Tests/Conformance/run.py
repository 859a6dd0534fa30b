"""Runs the sessions of the brokers' own clients against the simulator: `run.py <folder of the built programs>`."""

import importlib
import logging
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import warnings

# The recordings are judged when all sessions have been held.
MODULES = ["test_specification", "test_alpaca_trading", "test_alpaca_data", "test_alpaca_streams", "test_schwab",
           "test_recordings", "test_traces", "test_monitoring"]


class QuietResult(unittest.TestResult):
    """Tells of failures only, each where it happens."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addError(self, test, error):
        super().addError(test, error)
        self._tell(test, self.errors[-1][1])

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._tell(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._tell(subtest, (self.failures + self.errors)[-1][1])

    @property
    def failed(self):
        return len({test_of(test) for test, _ in self.failures + self.errors})

    @staticmethod
    def _tell(test, text):
        print(f"\nFAILED {test.id()}\n{text}", flush=True)


def test_of(test):
    return getattr(test, "test_case", test).id()


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    # The clients use what others have declared old, and log what these tests provoke.
    warnings.showwarning = lambda *_, **__: None
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="quintet-conformance-"))
    suite = unittest.TestSuite()
    for name in MODULES:
        module = importlib.import_module(name)
        for case in vars(module).values():
            if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == name:
                case.binaries, case.directory = binaries, directory
                tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
                suite.addTests(test for test in tests if not wanted or any(each in test.id() for each in wanted))
    result = QuietResult()
    suite.run(result)
    if result.wasSuccessful():
        shutil.rmtree(directory)
    else:
        print(f"\nlogs and recordings: {directory}")
    print(f"conformance: {time.monotonic() - started:.0f} s")
    print(f"{result.passed} passed, {result.failed} failed", flush=True)
    sys.exit(0 if result.wasSuccessful() and result.passed else 1)


main()
