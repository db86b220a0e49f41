"""Runs the suite: main.py RESULTS [TEXT]. RESULTS gets one TAP line per test."""

import sys
import unittest


class Result(unittest.TextTestResult):
    """Reports as usual, and keeps `ok`/`not ok` with the test's name for the caller."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.outcomes = {}

    def getDescription(self, test):
        return name_of(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.outcomes.setdefault(name_of(test), True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcomes[name_of(test)] = False

    def addError(self, test, err):
        super().addError(test, err)
        self.outcomes[name_of(test)] = False


def name_of(test):
    return test.id().rpartition(".")[2].removeprefix("test_").replace("_", " ")


def each_test(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each_test(test)
        else:
            yield test


def main():
    results, text = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    found = unittest.defaultTestLoader.discover(sys.path[0], pattern="test_*.py")
    chosen = unittest.TestSuite(test for test in each_test(found) if text in name_of(test))
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    outcome = runner.run(chosen)
    with open(results, "w") as file:
        for number, (name, good) in enumerate(outcome.outcomes.items(), 1):
            file.write(f"{'ok' if good else 'not ok'} {number} - {name}\n")
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
