-- What the last check of the stores of image data has found. One row, once there was a check.
CREATE TABLE "last_check" (
    "only" BOOLEAN NOT NULL DEFAULT true,
    "ended_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "findings" JSONB NOT NULL,

    CONSTRAINT "last_check_pkey" PRIMARY KEY ("only"),
    CONSTRAINT "last_check_only" CHECK ("only")
);
