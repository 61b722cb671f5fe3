ALTER TABLE "Product" ADD COLUMN "description" text;
