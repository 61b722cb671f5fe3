"""The lists of results that the suites leave, each read into outcomes by test: passed, failed or skipped."""

import json
import re
import xml.etree.ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Outcomes(dict):
    """Of each test by name. Where several have one name, the later ones are numbered."""

    def add(self, name, outcome):
        unique, number = name, 1
        while unique in self:
            number += 1
            unique = f"{name} #{number}"
        self[unique] = outcome


def junit(path):
    outcomes = Outcomes()
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        tags = {child.tag for child in case}
        outcome = FAILED if tags & {"failure", "error"} else SKIPPED if "skipped" in tags else PASSED
        outcomes.add(".".join(filter(None, [case.get("classname"), case.get("name")])), outcome)
    return outcomes


def go_json(path):
    """What `go test -json` prints; a package that does not build or ends early fails as a test of its own."""
    outcomes = Outcomes()
    words = {"pass": PASSED, "fail": FAILED, "skip": SKIPPED}
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("Action") in words:
            outcomes.add(f"{event['Package']}.{event.get('Test', '')}", words[event["Action"]])
    return outcomes


def rspec_json(path):
    outcomes = Outcomes()
    for example in json.loads(path.read_text(encoding="utf-8"))["examples"]:
        outcome = SKIPPED if example["status"] == "pending" else example["status"]
        outcomes.add(example["full_description"], outcome)
    return outcomes


def tap(path):
    """What `prove --verbose` prints: a line with a file's name, then its tests, then its own verdict."""
    outcomes, file = Outcomes(), ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if named := re.match(r"(\S+\.t) \.\. *$", line):
            file = named[1]
        elif test := re.match(r"(not )?ok \d+(?: - )?(.*)", line):
            outcome = SKIPPED if re.search(r"# (skip|TODO)", test[2], re.IGNORECASE) else FAILED if test[1] else PASSED
            outcomes.add(f"{file}: {test[2]}", outcome)
        elif file and (verdict := re.match(r"(ok|skipped|Failed|Dubious)\b", line)):
            words = {"ok": PASSED, "skipped": SKIPPED}
            outcomes.add(file, words.get(verdict[1], FAILED))
            file = ""
    return outcomes


def node_postgres(path):
    """What node-postgres' scripts print, one after the other between lines "file NAME" and "exit STATUS"."""
    outcomes, file = Outcomes(), ""
    words = {"\u2714": PASSED, "FAILED!": FAILED, "? - SKIPPED": SKIPPED}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("file "):
            file = line.removeprefix("file ")
        elif line.startswith("exit "):
            outcomes.add(file, PASSED if line == "exit 0" else FAILED)
        elif test := re.match(rf"  (.*) ({'|'.join(map(re.escape, words))})$", line):
            outcomes.add(f"{file}: {test[1]}", words[test[2]])
    return outcomes


def postgres_js(path):
    """What postgres_js.mjs prints."""
    outcomes = Outcomes()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("test {"):
            test = json.loads(line.removeprefix("test "))
            outcomes.add(test["name"], test["outcome"])
    return outcomes
