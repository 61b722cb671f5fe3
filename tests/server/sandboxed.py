"""Runs a program with the system calls and address families that a unit file of systemd lets it have, and with no memory
that is written and executed (systemd.exec(5)). Usage: sandboxed.py UNIT PROGRAM [ARGUMENT]..."""

import errno
import os
import pathlib
import re
import socket
import subprocess
import sys

import seccomp

PROT_WRITE, PROT_EXEC = 2, 4


def groups():
    """The members of each group of system calls, such as @system-service: calls and other groups."""
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], check=True, capture_output=True,
                            text=True).stdout
    found = {}
    for line in listed.splitlines():
        name = line.strip()
        if line.startswith("@"):
            current = found.setdefault(name, [])
        elif line.startswith(" ") and not name.startswith("#"):
            current.append(name)
    return found


def calls_in(name, all_groups):
    if name not in all_groups:
        return {name}
    return set().union(*(calls_in(member, all_groups) for member in all_groups[name]))


def values(unit, key):
    return re.findall(f"^{key}=(.*)$", unit, re.MULTILINE)


def allowed_calls(unit):
    all_groups = groups()
    calls = set()
    for value in values(unit, "SystemCallFilter"):
        named = set().union(*(calls_in(word.lstrip("~"), all_groups) for word in value.split()))
        calls = calls - named if value.startswith("~") else calls | named
    return calls


def sandbox(unit):
    calls = allowed_calls(unit)
    families = [getattr(socket, word) for value in values(unit, "RestrictAddressFamilies") for word in value.split()]
    if values(unit, "MemoryDenyWriteExecute") != ["yes"] or not calls or not families:
        raise SystemExit("the unit file has no sandbox")
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    special = {"socket", "mmap", "mprotect"}
    for call in calls - special:
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except (RuntimeError, OSError):
            pass  # not of this machine, or newer than the library
    for family in families:
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    for protection in (0, PROT_WRITE, PROT_EXEC):
        rules.add_rule(seccomp.ALLOW, "mmap",
                       seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, protection))
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    rules.load()


if __name__ == "__main__":
    sandbox(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])
