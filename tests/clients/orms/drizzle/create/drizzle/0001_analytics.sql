CREATE TABLE "analytics_events" (
	"id" serial PRIMARY KEY NOT NULL,
	"payload" jsonb
);
