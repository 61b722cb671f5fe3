-- AlterTable
ALTER TABLE "Product" ADD COLUMN     "description" TEXT;
