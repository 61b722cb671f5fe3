"""PgBouncer and HAProxy for the time of a `with`: from where scripts/bootstrap has put them, configured with what is in
config/examples."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from lib.servers import ROOT, free_port, listens

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
PROGRAMS = CACHE / "pgwarden" / "poolers" / "usr" / "sbin"


def example(name, replacements):
    """The text of an example, with words of it replaced."""
    text = (ROOT / "config" / "examples" / name).read_text(encoding="utf-8")
    for old, new in replacements.items():
        if old not in text:
            raise ValueError(f"{name} does not say {old!r}")
        text = text.replace(old, new)
    return text


class Pooler:
    """A program with a directory of its own, that listens on `address`."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pgwarden-test-"))
        self.directory.chmod(0o755)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.log = self.directory / "log"
        self.command = []

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        if not listens(self.process, self.address):
            raise RuntimeError(f"{self.command[0].name} did not start: {self.log_text()}")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")


class PgBouncer(Pooler):
    """In front of the server at 127.0.0.1:`server_port`. `passwords` are those of its users; of `settings`, lines of its
    configuration, the last counts."""

    def __init__(self, server_port, passwords, settings=""):
        super().__init__()
        self.socket_directory = self.directory  # where it could listen, too, if it were told to
        users = self.file("userlist.txt", "".join(f'"{user}" "{word}"\n' for user, word in passwords.items()))
        text = example("pgbouncer.ini", {"host=db.example.com port=5432": f"host=127.0.0.1 port={server_port}",
                                         "listen_port = 6433": f"listen_port = {self.port}",
                                         "/etc/pgbouncer/userlist.txt": str(users)})
        config = self.file("pgbouncer.ini", f"{text}\nunix_socket_dir =\n{settings}\n")
        as_nobody_special = ["-u", "postgres"] if os.geteuid() == 0 else []
        self.command = [PROGRAMS / "pgbouncer", *as_nobody_special, config]

    @staticmethod
    def version():
        """As (major, minor)."""
        done = subprocess.run([PROGRAMS / "pgbouncer", "--version"], capture_output=True, text=True, check=True)
        return tuple(int(number) for number in re.search(r"(\d+)\.(\d+)", done.stdout).groups())


class HAProxy(Pooler):
    """In front of a pgwarden at 127.0.0.1:`server_port`. `send`: how it says who the client is."""

    def __init__(self, server_port, send):
        super().__init__()
        server = f"127.0.0.1:{server_port}"
        text = example("haproxy.cfg", {"bind :5432": f"bind 127.0.0.1:{self.port}", "10.0.0.11:6432": server,
                                       "10.0.0.12:6432": server, "check send-proxy-v2": f"check inter 1s {send}"})
        self.command = [PROGRAMS / "haproxy", "-db", "-f", self.file("haproxy.cfg", text)]
