-- CreateTable
CREATE TABLE "analytics_events" (
    "id" SERIAL NOT NULL,
    "payload" JSONB,

    CONSTRAINT "analytics_events_pkey" PRIMARY KEY ("id")
);
