-- What the exercise finds: owned by the role that runs it, so that only pgwarden stands between it and a DROP.
SET ROLE exerciser;
CREATE TABLE item (id int PRIMARY KEY, name text);
CREATE TABLE kept (id int PRIMARY KEY, name text);
INSERT INTO kept VALUES (1, 'one'), (2, 'two');
CREATE FUNCTION say(message text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE '%', message; RETURN message; END $$;
-- Until another session of this database is in pg_sleep: a cancel request then meets a running statement.
CREATE FUNCTION await_sleeper() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WHILE NOT EXISTS (SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event = 'PgSleep') LOOP
    PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
  END LOOP;
END $$;
