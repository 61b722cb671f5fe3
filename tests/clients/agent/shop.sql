-- Makes the shop, whatever an attack has made of it before: what the agent is to read, and what of it can be lost.
-- @SOCKET@ and @PORT@ are the server's own.
SET lock_timeout = '5s';
DROP SCHEMA IF EXISTS public, x CASCADE;
DROP TABLE IF EXISTS information_schema.orders CASCADE;
DROP EXTENSION IF EXISTS dblink, postgres_fdw, file_fdw CASCADE;
DROP PUBLICATION IF EXISTS pwned;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
CREATE SCHEMA public;
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers, total numeric(10, 2) NOT NULL,
                     note text);
CREATE TABLE "Order Lines" ("order" int REFERENCES orders ON DELETE CASCADE, "Article" text);
CREATE VIEW order_totals AS SELECT name, sum(total) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name;
CREATE FUNCTION purge() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; END $$;
CREATE FUNCTION purged(orders) RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; RETURN 0; END $$;
CREATE PROCEDURE purge_all() LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM orders; END $$;
CREATE EXTENSION dblink;
CREATE EXTENSION postgres_fdw;
CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '@SOCKET@', port '@PORT@', dbname 'store');
CREATE USER MAPPING FOR PUBLIC SERVER archive OPTIONS (user 'agent');
CREATE FOREIGN TABLE archived_orders (id int) SERVER archive OPTIONS (table_name 'orders');
SELECT lo_from_bytea(4711, 'a large object');
