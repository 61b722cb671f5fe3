"""Code whose every statement is seen may run; what it must not do is denied however the code says it."""

import unittest

from support import ServerTest

HARMLESS = (
    "DO $$ BEGIN END $$",
    "DO LANGUAGE plpgsql 'BEGIN RAISE NOTICE ''%'', 1; END'",
    "DO $$ DECLARE n int := 1; BEGIN INSERT INTO seen VALUES (n); UPDATE seen SET id = 2 WHERE id = n; END $$",
    "DO $$ DECLARE n int; BEGIN SELECT count(*) INTO STRICT n FROM precious; ASSERT n = 1, 'gone'; END $$",
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM precious LOOP PERFORM r.id; END LOOP; END $$",
    "DO $$ DECLARE c CURSOR (i int) FOR SELECT id FROM precious WHERE id = i; n int; BEGIN OPEN c(1); FETCH c INTO n; "
    "CLOSE c; FOR r IN c(1) LOOP n := r.id; END LOOP; END $$",
    "DO $$ DECLARE n int; BEGIN n := 1 / 0; EXCEPTION WHEN division_by_zero THEN RAISE NOTICE '%', SQLERRM; END $$",
    "DO $$ DECLARE a int[] := '{1,2}'; n int; BEGIN a[1] := 5; FOREACH n IN ARRAY a LOOP CONTINUE WHEN n = 5; END LOOP; "
    "CASE a[1] WHEN 5 THEN NULL; ELSE RAISE 'no'; END CASE; END $$",
    "DO $$ BEGIN EXECUTE 'INSERT INTO ' || 'seen VALUES ($1)' USING 3; COMMIT; END $$",
    "DO $$ BEGIN CREATE TEMP TABLE scratch (id int); DROP TABLE pg_temp.scratch; END $$",
    "DO $a$ BEGIN DO $b$ BEGIN INSERT INTO seen VALUES (4); END $b$; END $a$",
)

# Statements within a block.
DESTROYING = (
    "DROP TABLE precious;",
    "BEGIN BEGIN DROP TABLE precious; END; END;",
    "PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN DROP TABLE precious;",
    "IF true THEN DROP TABLE precious; END IF;",
    "FOR i IN 1..1 LOOP DROP TABLE precious; END LOOP;",
    "DELETE FROM precious;",
    "TRUNCATE precious;",
    "ALTER TABLE precious DROP COLUMN id;",
    "DO 'BEGIN DROP TABLE precious; END';",
    "COPY precious TO PROGRAM 'true';",
    "GRANT ALL ON precious TO PUBLIC;",
    "EXECUTE 'DROP TABLE precious';",
    "EXECUTE 'DROP ' || 'TABLE ' || 'precious';",
    "EXECUTE $x$DROP TABLE precious$x$;",
    "EXECUTE E'DROP \\x54ABLE precious';",
    "EXECUTE 'SELECT 1; DROP TABLE precious';",
    "EXECUTE 'DO $x$ BEGIN EXECUTE ''DROP TABLE precious''; END $x$';",
    "EXECUTE 'DROP ' || q;",
    "EXECUTE q;",
    "EXECUTE format('DROP TABLE %I', 'precious');",
    "EXECUTE reverse('suoicerp ELBAT PORD');",
    "EXECUTE concat('DROP', ' TABLE precious');",
    "EXECUTE (SELECT 'DROP TABLE ' || relname FROM pg_class WHERE relname = 'precious');",
    "FOR r IN EXECUTE 'DROP TABLE precious' LOOP END LOOP;",
    "FOR r IN EXECUTE 'DELETE FROM precious ' || 'RETURNING id' LOOP END LOOP;",
    "FOR r IN EXECUTE q LOOP END LOOP;",
    "FOR r IN DELETE FROM precious RETURNING id LOOP END LOOP;",
    "OPEN c FOR EXECUTE 'WITH d AS (DELETE FROM precious RETURNING id) SELECT * FROM d';",
    "OPEN c FOR EXECUTE q;",
    "PERFORM set_config('my.q', 'DROP TABLE precious', false); EXECUTE current_setting('my.q');",
    "SET standard_conforming_strings = off; EXECUTE E'SELECT \\'\\\\\\'; DROP TABLE precious; --\\'';",
    "q := '\\'; DROP TABLE precious; --';",
    "CALL wipe();",
    "PERFORM dblink_exec('', 'DROP TABLE precious');",
    "PERFORM query_to_xml('DELETE FROM precious', true, true, '');",
    "n := lo_unlink(5);",
    "a[lo_unlink(5)] := 1;",
    "IF lo_unlink(5) = 1 THEN NULL; END IF;",
    "RAISE NOTICE '%', lo_unlink(5);",
    "RAISE NOTICE USING MESSAGE = lo_unlink(5)::text;",
    "DECLARE m int := lo_unlink(5); BEGIN NULL; END;",
    "FOR i IN 1..lo_unlink(5) LOOP NULL; END LOOP;",
    "EXECUTE 'SELECT $1' USING lo_unlink(5);",
)

OTHERWISE = (
    "DO LANGUAGE plpython3u 'plpy.execute(\"DROP TABLE precious\")'",
    "CALL wipe()",
    "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'DROP TABLE precious'; END $$",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DROP TABLE precious'",
    "DO $$ BEGIN NULL; END $$; DROP TABLE precious",
)


class Code(ServerTest):
    extra = """
rules:
  - name: harmless-do-blocks
    effect: allow
    match: {classes: [code], commands: [DO], dynamic: false}
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", """CREATE TABLE precious (id int); INSERT INTO precious VALUES (1);
            CREATE TABLE seen (id int); SELECT lo_create(5);
            CREATE PROCEDURE wipe() LANGUAGE plpgsql AS 'BEGIN DROP TABLE precious; END';""")

    def check_nothing_is_lost(self):
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(id) FROM precious"), "1")
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM pg_largeobject_metadata"), "1")

    def test_harmless_blocks_run(self):
        for sql in HARMLESS:
            with self.subTest(sql):
                done = self.psql(sql, check=False)
                self.assertEqual((done.returncode, "ERROR" in done.stderr), (0, False), done.stderr)
        self.assertEqual(self.postgres.psql("postgres", "SELECT string_agg(id::text, ',' ORDER BY id) FROM seen"), "2,3,4")

    def test_destroying_blocks_are_denied(self):
        declared = "DECLARE q text := 'DROP TABLE precious'; r record; c refcursor; n int; a int[]; "
        for statements in DESTROYING:
            for sql in (f"DO $do$ {declared}BEGIN {statements} END $do$",
                        "DO '" + f"{declared}BEGIN {statements} END".replace("'", "''") + "'"):
                with self.subTest(sql):
                    done = self.psql(sql, check=False)
                    self.assertIn("(pgwarden ", done.stderr)
                    self.check_nothing_is_lost()

    def test_other_code_is_denied(self):
        for sql in OTHERWISE:
            with self.subTest(sql):
                self.assertIn("(pgwarden ", self.psql(sql, check=False).stderr)
                self.check_nothing_is_lost()

    def test_the_message_names_the_statement(self):
        done = self.psql("DO $$ BEGIN DROP TABLE precious; END $$", check=False)
        self.assertIn('cannot execute DROP TABLE on table "precious"', done.stderr)
        done = self.psql("DO $$ BEGIN EXECUTE current_user; END $$", check=False)
        self.assertIn("cannot execute DO", done.stderr)


if __name__ == "__main__":
    unittest.main()
