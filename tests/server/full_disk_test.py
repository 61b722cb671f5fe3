"""A log that cannot be written for a while, because its disk is full."""

import json
import pathlib
import subprocess
import unittest

from support import BINARY, ServerTest, eventually
from lib.servers import Pgwarden


class FullDisk(ServerTest):
    LOST = "records lost: the log could not be written"

    def setUp(self):
        """pgwarden with standard error in a file system of 64 KiB that nobody else sees."""
        pgwarden = Pgwarden(BINARY, self.postgres)
        disk = pathlib.Path(pgwarden.directory, "disk")
        disk.mkdir()
        wrapper = pathlib.Path(pgwarden.directory, "wrapper")
        wrapper.write_text("#!/bin/sh\nexec unshare -rm sh -c 'mount -t tmpfs -o size=64k none "
                           f'{disk} && exec {pgwarden.binary} "$@" 2>>{disk}/log\' sh "$@"\n', encoding="ascii")
        wrapper.chmod(0o755)
        if subprocess.run([wrapper, "--version"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no namespace with a file system of its own to be had")
        pgwarden.binary = str(wrapper)
        pgwarden.log_text = self.log
        self.limited, self.disk = pgwarden, disk
        self.limited.__enter__()
        self.addCleanup(self.limited.__exit__, None, None, None)

    def seen(self, name):
        """A file of that file system."""
        return pathlib.Path(f"/proc/{self.limited.process.pid}/root{self.disk}", name)

    def log(self):
        try:
            return self.seen("log").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def fill(self):
        with open(self.seen("filler"), "wb", buffering=0) as filler:
            for size in (4096, 1):  # the last page of the log has room left, which is not ours to take
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def denials(self):
        """Those that the log accounts for, and how many lines are only parts of a record."""
        count = cut = 0
        for line in self.log().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                cut += 1
                continue
            count += record["message"] == "statement denied"
            if record["message"] == self.LOST and record["of"] == "statement denied":
                count += record["count"]
        return count, cut

    def test_sessions_go_on_and_the_log_says_what_is_missing(self):
        self.fill()
        for session_number in range(8):
            session = self.raw_session(self.limited)
            for number in range(8):  # so many different ones of a session are recorded each for itself
                session.query(f"DROP TABLE lost_{session_number}_{number} /* {'x' * 200} */")
            session.query("SELECT 'goes on'")
            session.until("Z", 9)
            self.assertEqual("".join(tag for tag, _ in session.received), "EZ" * 8 + "TDCZ")
            session.socket.close()
        self.assertLess(self.denials()[0], 64)
        self.seen("filler").unlink()
        self.assertTrue(eventually(lambda: self.denials()[0] == 64), self.log()[-2000:])
        self.assertIn(self.LOST, self.log())
        self.assertLessEqual(self.denials()[1], 1)
        again = self.raw_session(self.limited)
        again.query("DROP TABLE written")
        again.until("Z", 1)
        self.assertTrue(eventually(lambda: self.denials()[0] == 65))


if __name__ == "__main__":
    unittest.main()
