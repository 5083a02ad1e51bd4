"""Runs one file of CPython's test suite inside the interpreter under test and writes what happened, a line a test.

usage: python suite_runner.py RESULT-FILE test.test_name

Lines: "start ID" before a test, "passed|failed|error|skipped|expected ID" after it. A start without an end is a crash.
The set-up is that of `-m test` without resources: a temporary folder as the working directory, nothing from the network.
"""
import os
import sys
import tempfile
import unittest


def main():
    result_path, name = sys.argv[1:3]
    output = open(result_path, "w", encoding="utf-8", buffering=1)

    def report(status, test):
        text = test if isinstance(test, str) else test.id()
        output.write(f"{status} {text}\n")

    class Result(unittest.TextTestResult):
        def startTest(self, test):
            super().startTest(test)
            self.subtest_failed = False
            report("start", test)

        def addSuccess(self, test):
            super().addSuccess(test)
            report("failed" if self.subtest_failed else "passed", test)

        def addFailure(self, test, error):
            super().addFailure(test, error)
            report("failed", test)

        def addError(self, test, error):
            super().addError(test, error)
            report("error", test)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            report("skipped", test)

        def addExpectedFailure(self, test, error):
            super().addExpectedFailure(test, error)
            report("passed", test)

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            report("failed", test)

        def addSubTest(self, test, subtest, error):
            super().addSubTest(test, subtest, error)
            if error is not None:
                self.subtest_failed = True
                report("failed", test)

    from test import support
    support.use_resources = {}
    support.verbose = 0
    folder = os.path.realpath(tempfile.mkdtemp(prefix="kingsnake-suite-"))
    os.chdir(folder)
    try:
        try:
            suite = unittest.defaultTestLoader.loadTestsFromName(name)
        except unittest.SkipTest as reason:
            report("skipped", f"{name}.(module)")
            return 0
        runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=1, resultclass=Result)
        result = runner.run(suite)
        report("end", name)
        return 0 if result.wasSuccessful() else 1
    finally:
        output.close()
        os.chdir("/")
        import shutil
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
