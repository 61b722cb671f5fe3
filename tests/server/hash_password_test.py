"""`pgwarden hash-password`: a server takes what it prints, and lets in who knows the password."""

import os
import pty
import subprocess
import termios
import unittest

from support import BINARY, ScratchPostgres, eventually

PASSWORDS = {
    "ascii": "pencil",
    "quotes": "it's \"$1\" \\ ${HOME}",
    "spaces": "  pencil\t ",
    "decomposed": "fiance\u0301 \u2603",
    "composed": "fianc\u00e9 \u2603",
    "compatible": "\ufb01anc\u00e9\u00a0\u2603",
    "prohibited": "e\u0301 \U0001f600",
    "long": "x" * 1023,
}


def hash_password(password, *options):
    return subprocess.run([BINARY, "hash-password", *options], input=password, capture_output=True, check=False,
                          timeout=60)


def at_terminal(*answers):
    """The exit code and all that the terminal shows, when it is asked there and given `answers`."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(BINARY, [BINARY, "hash-password"])
    shown = b""
    for answer in answers:
        asked = shown.count(b"Password: ")
        while shown.count(b"Password: ") == asked:
            shown += os.read(terminal, 1024)
        if not eventually(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO):
            raise AssertionError(f"it would show what is typed: {shown}")
        os.write(terminal, answer)
    try:
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:  # Linux's end of file on a terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


class HashPassword(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = ScratchPostgres(hba="host all +users 127.0.0.1/32 scram-sha-256")
        cls.postgres.__enter__()
        cls.addClassCleanup(cls.postgres.__exit__)
        cls.postgres.psql("postgres", "CREATE ROLE users")

    def create_user(self, name, verifier):
        self.postgres.psql("postgres", f"CREATE ROLE {name} LOGIN PASSWORD '{verifier}' IN ROLE users")
        stored = self.postgres.psql("postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")
        self.assertEqual(stored, verifier)

    def logs_in(self, name, password):
        command = ["psql", "-X", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", name, "-d", "postgres", "-qAt",
                   "-c", "SELECT 1"]
        done = subprocess.run(command, env=dict(os.environ, PGPASSWORD=password), capture_output=True, text=True,
                              check=False, timeout=60)
        return done.stdout == "1\n"

    def test_the_server_takes_it(self):
        for name, password in PASSWORDS.items():
            with self.subTest(name):
                done = hash_password(password.encode() + b"\nwhat follows is not read\n")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertRegex(done.stdout, rb"\ASCRAM-SHA-256\$4096:[^:$\n]+\$[^:$\n]+:[^:$\n]+\n\Z")
                self.create_user(name, done.stdout.decode().strip())
                self.assertTrue(self.logs_in(name, password))
                self.assertFalse(self.logs_in(name, password[:-1]))

    def test_what_is_typed_in_another_way_is_the_same_password_as_for_the_server(self):
        for spelling in ("decomposed", "composed", "compatible"):
            with self.subTest(spelling):
                ours, theirs = f"{spelling}_of_ours", f"{spelling}_of_theirs"
                self.create_user(ours, hash_password(PASSWORDS[spelling].encode()).stdout.decode().strip())
                self.postgres.psql("postgres", f"CREATE ROLE {theirs} LOGIN PASSWORD '{PASSWORDS[spelling]}' IN ROLE users")
                for password in (PASSWORDS["decomposed"], PASSWORDS["composed"], PASSWORDS["compatible"], "fiance \u2603"):
                    self.assertEqual(self.logs_in(ours, password), self.logs_in(theirs, password))
                self.assertTrue(self.logs_in(ours, PASSWORDS["composed"]))

    def test_iterations(self):
        done = hash_password(b"pencil", "--iterations", "10000")
        self.assertTrue(done.stdout.startswith(b"SCRAM-SHA-256$10000:"), done)
        self.create_user("patient", done.stdout.decode().strip())
        self.assertTrue(self.logs_in("patient", "pencil"))
        for wrong in ("0", "4095", "1000001", "-1", "many"):
            self.assertEqual(hash_password(b"pencil", "--iterations", wrong).returncode, 2, wrong)

    def test_no_password(self):
        for nothing in (b"", b"\n", b"\npencil\n", b"pen\0cil\n", b"x" * 1024 + b"\n", b"x" * 100_000):
            done = hash_password(nothing)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"no usable password", done.stderr)
        self.assertEqual(hash_password(b"pencil", "pencil").returncode, 2, "a password as an argument")

    def test_at_a_terminal_it_asks_twice_and_shows_nothing(self):
        password = "fianc\u00e9"
        code, shown = at_terminal(password.encode() + b"\n", password.encode() + b"\n")
        self.assertEqual(code, 0, shown)
        self.assertNotIn(password, shown)
        self.create_user("typist", shown.split()[-1])
        self.assertTrue(self.logs_in("typist", password))

        code, shown = at_terminal(b"pencil\n", b"pencils\n")
        self.assertEqual(code, 1, shown)
        self.assertNotIn("SCRAM", shown)
        code, shown = at_terminal(b"\x03")
        self.assertEqual(code, 1, shown)


if __name__ == "__main__":
    unittest.main()
