"""The same reading as the server's (D5): whatever way the settings were changed that decide how a text is read, what
pgwarden lets pass has done no harm on the real server, and everyday texts pass."""

import unittest

import psycopg2

from support import ServerTest

# One literal under one setting of standard_conforming_strings, a DROP under the other.
ATTACK = r"SELECT '\''; DROP TABLE victim; --'"
ATTACK_ALONE = r"SELECT '\'' AS x INTO stolen --'"
OTHER_WAY_ROUND = r"SELECT 'a\'; DROP TABLE victim; --'"

TURNED_OFF = {
    "SET": ["SET standard_conforming_strings = off"],
    "SET, abbreviated": ["SET standard_conforming_strings = 'of'"],
    "SET of a name in U&": ['SET U&"standard!005fconforming!005fstrings" UESCAPE \'!\' = off'],
    "SET LOCAL in a transaction": ["BEGIN", "SET LOCAL standard_conforming_strings = off"],
    "SET and a savepoint": ["BEGIN", "SAVEPOINT a", "SET standard_conforming_strings = off", "RELEASE a"],
    "ROLLBACK of turning it on": ["SET standard_conforming_strings = off", "BEGIN",
                                  "SET standard_conforming_strings = on", "ROLLBACK"],
    "ROLLBACK TO before turning it on": ["SET standard_conforming_strings = off", "BEGIN", "SAVEPOINT a",
                                         "SET standard_conforming_strings = on", "ROLLBACK TO a"],
    "a function that exists already": ["SELECT turn_off()"],
    "a prepared SET": ["PREPARE p AS SELECT turn_off()", "EXECUTE p"],
    "a function in a cursor": ["BEGIN", "DECLARE c CURSOR FOR SELECT turn_off()", "FETCH c"],
    "planning alone": ["EXPLAIN SELECT * FROM victim WHERE id = turn_off_stable()"],
}


class Lexing(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", """
            CREATE FUNCTION turn_off() RETURNS text LANGUAGE sql
              AS $$ SELECT set_config('standard_conforming_strings', 'off', false) $$;
            CREATE FUNCTION turn_off_stable() RETURNS int LANGUAGE plpgsql STABLE
              AS $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); RETURN 1; END $$;
            CREATE ROLE old_fashioned LOGIN SUPERUSER;
            ALTER ROLE old_fashioned SET standard_conforming_strings = off;
            CREATE DATABASE old_times;
            ALTER DATABASE old_times SET standard_conforming_strings = off;""")
        cls.postgres.psql("old_times", "CREATE TABLE victim (id int)")

    def setUp(self):
        self.postgres.psql("postgres", "CREATE TABLE IF NOT EXISTS victim (id int)")

    def survives(self, database="postgres"):
        found = self.postgres.psql(database, "SELECT to_regclass('victim') IS NOT NULL, to_regclass('stolen') IS NULL")
        self.assertEqual(found, "t|t")

    def connect(self, **parameters):
        connection = psycopg2.connect(self.dsn(), **parameters)
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection

    def attack(self, connection):
        for text in (ATTACK, ATTACK_ALONE, OTHER_WAY_ROUND):
            try:
                connection.cursor().execute(text)
            except psycopg2.Error:
                connection.rollback()

    def test_turned_off_in_the_session(self):
        for name, statements in TURNED_OFF.items():
            with self.subTest(name):
                connection = self.connect()
                for statement in statements:
                    connection.cursor().execute(statement)
                # Whether it worked is part of the test: the attack has to be one.
                self.assertEqual(connection.get_parameter_status("standard_conforming_strings"), "off")
                self.attack(connection)
                self.survives()

    def test_turned_off_from_the_start(self):
        for name, parameters in {"a startup option": {"options": "-c standard_conforming_strings=off"},
                                 "a long option": {"options": "--standard-conforming-strings=off"},
                                 "the role": {"user": "old_fashioned"},
                                 "the database": {"dbname": "old_times"}}.items():
            for statements in ([], ["RESET standard_conforming_strings"], ["RESET ALL"], ["DISCARD ALL"],
                               ["SET standard_conforming_strings = on", "RESET ALL"],
                               ["SET standard_conforming_strings = on", "DISCARD ALL"],
                               ["SET standard_conforming_strings TO DEFAULT"]):
                with self.subTest(name, statements=statements):
                    connection = self.connect(**parameters)
                    for statement in statements:
                        connection.cursor().execute(statement)
                    self.assertEqual(connection.get_parameter_status("standard_conforming_strings"), "off")
                    self.attack(connection)
                    self.survives(parameters.get("dbname", "postgres"))

    def test_turned_off_and_used_in_one_segment(self):
        for before in ("SET standard_conforming_strings = off", "SELECT turn_off()",
                       "BEGIN; SET LOCAL standard_conforming_strings = off"):
            for text in (ATTACK, ATTACK_ALONE):
                with self.subTest(before, text=text):
                    session = self.raw_session()
                    session.query(before)
                    session.query(text)
                    session.query("COMMIT")
                    session.until("Z", 3)
                    self.survives()

    def test_a_function_that_turns_it_off_is_not_called_by_name(self):
        for text in ("SELECT set_config('standard_conforming_strings', 'off', false)",
                     "SELECT pg_catalog.set_config('STANDARD_CONFORMING_STRINGS', 'off', false)",
                     "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'"):
            with self.subTest(text), self.assertRaisesRegex(psycopg2.Error, "cannot execute|cannot call"):
                self.connect().cursor().execute(text)

    def test_backslash_quote(self):
        for value in ("on", "off", "safe_encoding"):
            for text in (r"SELECT E'\''; DROP TABLE victim; --'", r"SELECT E'a\\'; DROP TABLE victim; --'", ATTACK):
                with self.subTest(value, text=text):
                    connection = self.connect()
                    connection.cursor().execute(f"SET backslash_quote = {value}")
                    try:
                        connection.cursor().execute(text)
                    except psycopg2.Error:
                        pass
                    self.survives()

    def test_client_encodings_that_hide_a_backslash(self):
        hidden = b"SELECT '\x95\\'; DROP TABLE victim; --'"
        for encoding in ("SJIS", "BIG5", "GBK", "GB18030", "UHC", "JOHAB", "SHIFT_JIS_2004"):
            with self.subTest(encoding):
                session = self.raw_session()
                session.query(f"SET client_encoding = '{encoding}'")
                session.outgoing += b"Q" + (len(hidden) + 5).to_bytes(4, "big") + hidden + b"\0"
                session.until("Z", 2)
                self.assertIn("E", "".join(tag for tag, _ in session.received))
                self.survives()

    def test_tags_that_the_conversion_makes_equal(self):
        """Two spellings of one character: for the server the first literal ends where it does not here."""
        hidden = b"SELECT $%s$x$%s$; DROP TABLE victim; --$%s$"
        eucjp, utf8 = (b"\xa2\xe8", b"\xad\xfa"), (b"\xc2\xa6", b"\xef\xbf\xa4")
        self.postgres.psql("postgres", "DROP DATABASE IF EXISTS japanese; "
                           "CREATE DATABASE japanese TEMPLATE template0 ENCODING EUC_JP LC_COLLATE 'C' LC_CTYPE 'C'")
        self.postgres.psql("japanese", "CREATE TABLE victim (id int)")
        for encoding, (one, other), database in (("EUC_JP", eucjp, "postgres"), ("UTF8", utf8, "japanese")):
            text = hidden % (one, other, one)
            with self.subTest(encoding):
                for address in ("unprotected", "protected"):  # first: it is an attack
                    session = self.raw_session(address=address, database=database)
                    session.query(f"SET client_encoding = '{encoding}'")
                    session.outgoing += b"Q" + (len(text) + 5).to_bytes(4, "big") + text + b"\0"
                    session.until("Z", 2)
                    self.assertEqual("E" in "".join(tag for tag, _ in session.received), address == "protected")
                    if address == "unprotected":
                        self.assertEqual(self.postgres.psql(database, "SELECT to_regclass('victim') IS NULL"), "t")
                        self.postgres.psql(database, "CREATE TABLE victim (id int)")
                self.survives(database)

    def test_texts_that_only_look_dangerous_pass(self):
        for text in (r"SELECT U&'\0041' UESCAPE '\'", r"SELECT U&'d!0061t!+000061' UESCAPE '!'",
                     'SELECT 1 AS U&"d!0061t!+000061" UESCAPE \'!\'', "SELECT $$; DROP TABLE victim; --$$",
                     "SELECT $a$ $$ ; DROP TABLE victim; $$ $a$", "SELECT 1 /* /* */ ; DROP TABLE victim; -- */",
                     "SELECT 'a'\n'; DROP TABLE victim; --'", r"SELECT 'a\'", r"SELECT E'\'; DROP TABLE victim; --'",
                     "SELECT 1 AS a$b$c, 2 AS z$b$", "SELECT '; DROP TABLE victim; --'"):
            with self.subTest(text):
                self.connect().cursor().execute(text)
                self.survives()

    def test_what_is_dangerous_under_its_disguise(self):
        for text in ('DROP TABLE U&"vict!0069m" UESCAPE \'!\'', "SELECT 1 AS a$b$c; DROP TABLE victim; SELECT 1 AS z$b$",
                     "SELECT 1 --\r; DROP TABLE victim", "DROP/**/TABLE/* /* */ */victim", OTHER_WAY_ROUND,
                     "SELECT $a$ $a$; DROP TABLE victim", "SELECT 'a'\n'b'; DROP TABLE victim"):
            with self.subTest(text):
                with self.assertRaisesRegex(psycopg2.Error, "cannot execute DROP TABLE"):
                    self.connect().cursor().execute(text)
                self.survives()


if __name__ == "__main__":
    unittest.main()
