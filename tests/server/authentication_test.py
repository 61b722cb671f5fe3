"""Every password method that the server can ask for is relayed (passthrough authentication)."""

import subprocess
import unittest

from support import PROTECTED, ServerTest

HBA = "\n".join(f"host all {user} 127.0.0.1/32 {method}" for user, method in
                [("plain", "password"), ("hashed", "md5"), ("scram", "scram-sha-256"), ("free", "trust")])


class Authentication(ServerTest):
    hba = HBA

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", """
            SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'secret';
            SET password_encryption = 'scram-sha-256';
            CREATE ROLE plain LOGIN PASSWORD 'secret'; CREATE ROLE scram LOGIN PASSWORD 'secret';
            CREATE ROLE free LOGIN;""")

    def log_in(self, user, password, **options):
        return self.psql("SELECT current_user", user=user, environment={"PGPASSWORD": password}, **options)

    def test_right_passwords_log_in(self):
        for user in ("plain", "hashed", "scram", "free"):
            with self.subTest(user):
                self.assertEqual(self.log_in(user, "secret").stdout.strip(), user)

    def test_wrong_passwords_get_the_servers_own_words(self):
        for user in ("plain", "hashed", "scram"):
            with self.subTest(user):
                done = self.log_in(user, "wrong", check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f'password authentication failed for user "{user}"', done.stderr)

    def test_a_role_that_does_not_exist(self):
        self.assertIn('role "nobody" does not exist', self.log_in("nobody", "", check=False).stderr)

    def test_a_database_that_does_not_exist(self):
        done = self.psql("SELECT 1", database="nowhere", check=False)
        self.assertIn('database "nowhere" does not exist', done.stderr)

    def test_unix_sockets_on_both_sides(self):
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-h", self.pgwarden.directory, "-p", "6432", "-U", "postgres", "-c",
             "SELECT inet_client_addr() IS NULL", "-c", "DROP TABLE x"], capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.strip(), "t")
        self.assertIn("cannot execute DROP TABLE", done.stderr)

    def test_several_listeners(self):
        self.assertEqual(self.psql("SELECT 1", address=PROTECTED).stdout.strip(), "1")
        self.assertEqual(self.psql("SELECT 1", address="unprotected").stdout.strip(), "1")


if __name__ == "__main__":
    unittest.main()
