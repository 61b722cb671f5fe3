-- Fills the shop anew.
TRUNCATE customers, orders, "Order Lines" RESTART IDENTITY;
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO orders (customer, total, note) SELECT 1 + n % 2, n * 1.25, 'order ' || n FROM generate_series(1, 40) n;
INSERT INTO "Order Lines" SELECT id, 'article ' || id FROM orders;
