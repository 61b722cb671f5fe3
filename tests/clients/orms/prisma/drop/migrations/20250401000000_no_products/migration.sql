-- DropTable
DROP TABLE "Product" CASCADE;
