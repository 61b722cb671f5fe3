CREATE TABLE items (id int PRIMARY KEY, label text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 5) n;
CREATE TABLE log (line text);
-- What an application may have: the text of a call does not show what it sets.
CREATE FUNCTION relaxed_strings() RETURNS text LANGUAGE sql
  AS $$ SELECT set_config('standard_conforming_strings', 'off', false) $$;
