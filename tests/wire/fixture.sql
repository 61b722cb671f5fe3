CREATE TABLE items (id int PRIMARY KEY, label text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 5) n;
CREATE TABLE log (line text);
