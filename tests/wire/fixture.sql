CREATE TABLE items (id int PRIMARY KEY, label text);
CREATE TABLE log (line text);
CREATE TABLE orders (id int PRIMARY KEY, amount int NOT NULL CHECK (amount > 0), item int REFERENCES items);

-- As many columns as a table can have: one row of numbers, one of NULLs.
DO $$ BEGIN
  EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg('c' || n || ' int', ', ') || ')' FROM generate_series(1, 1600) n);
  EXECUTE (SELECT 'INSERT INTO wide VALUES (' || string_agg(n::text, ', ') || ')' FROM generate_series(1, 1600) n);
  INSERT INTO wide (c1) VALUES (NULL);
END $$;

-- What an application may have: the text of a call does not show what it sets.
CREATE FUNCTION relaxed_strings() RETURNS text LANGUAGE sql
  AS $$ SELECT set_config('standard_conforming_strings', 'off', false) $$;

CREATE FUNCTION noisy(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  RAISE NOTICE 'noise %', n USING DETAIL = 'loud', HINT = 'listen';
  RETURN n;
END $$;

CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'failure %', n USING ERRCODE = 'P0042', DETAIL = 'in detail', HINT = 'a hint', COLUMN = 'c', CONSTRAINT = 'k',
    DATATYPE = 'd', TABLE = 't', SCHEMA = 's';
END $$;

CREATE PROCEDURE log_and_commit() LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO log VALUES ('first');
  COMMIT;
  INSERT INTO log VALUES ('second');
  ROLLBACK;
END $$;

-- Speaks of each row, and refuses some.
CREATE TABLE watched (line text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE NOTICE 'sees %', NEW.line;
  IF NEW.line = 'bad' THEN RAISE 'refuses %', NEW.line; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();

-- For scenarios and for the test itself.
CREATE FUNCTION waits(event text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = event AND pid <> pg_backend_pid()) $$;

CREATE FUNCTION alone() RETURNS boolean LANGUAGE sql AS $$
  SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()
                       AND backend_type IN ('client backend', 'walsender')) $$;

CREATE FUNCTION restore() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE made regclass;
BEGIN
  FOR made IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                                         AND oid > 'watched'::regclass LOOP
    EXECUTE 'DROP TABLE ' || made || ' CASCADE';
  END LOOP;
  TRUNCATE items, log, orders, watched;
  INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 5) n;
  RETURN true;
END $$;
