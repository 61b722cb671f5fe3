-- A sticker shop: what an ORM's migrations make of one, with 590 products.

CREATE TABLE "_prisma_migrations" (
  id varchar(36) PRIMARY KEY,
  migration_name varchar(255) NOT NULL,
  finished_at timestamptz,
  applied_steps_count integer NOT NULL DEFAULT 0
);

CREATE TABLE "Product" (
  id serial PRIMARY KEY,
  name text NOT NULL UNIQUE,
  price_cents integer NOT NULL CHECK (price_cents > 0),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "Tag" (
  id serial PRIMARY KEY,
  product_id integer NOT NULL REFERENCES "Product" (id) ON DELETE CASCADE,
  label text NOT NULL
);

CREATE TABLE "Order" (
  id serial PRIMARY KEY,
  product_id integer NOT NULL REFERENCES "Product" (id),
  quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
  ordered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "AgentRun" (
  id serial PRIMARY KEY,
  product_id integer REFERENCES "Product" (id) ON DELETE SET NULL,
  prompt text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW bestsellers AS
  SELECT p.id, p.name, sum(o.quantity) AS sold
  FROM "Product" p JOIN "Order" o ON o.product_id = p.id
  GROUP BY p.id, p.name
  ORDER BY sold DESC, p.id;

INSERT INTO "_prisma_migrations" VALUES
  ('5f0c9f0e-0d6c-4f57-9e7b-3f3b1f6f0a01', '20250101000000_init', now(), 1),
  ('5f0c9f0e-0d6c-4f57-9e7b-3f3b1f6f0a02', '20250301000000_agent_runs', now(), 1);

INSERT INTO "Product" (name, price_cents)
  SELECT format('Sticker No. %s', n), 150 + n % 7 * 50 FROM generate_series(1, 590) n;

INSERT INTO "Tag" (product_id, label)
  SELECT id, (ARRAY['cat', 'rocket', 'retro', 'holographic'])[1 + id % 4] FROM "Product";

INSERT INTO "Order" (product_id, quantity)
  SELECT 1 + n * 37 % 590, 1 + n % 3 FROM generate_series(1, 1200) n;

INSERT INTO "AgentRun" (product_id, prompt)
  SELECT id, 'Draw a ' || name FROM "Product" WHERE id <= 25;
