CREATE TABLE "Note" (
	"id" serial PRIMARY KEY NOT NULL,
	"body" text NOT NULL
);
