-- What is known of the source besides its images: the documents in which it describes its API, and its URL. JSON and
-- not JSONB, because clients get documents in the order in which the source writes them.
CREATE TABLE "source_facts" (
    "name" TEXT NOT NULL,
    "value" JSON NOT NULL,
    "ticket" BIGINT NOT NULL,

    CONSTRAINT "source_facts_pkey" PRIMARY KEY ("name")
);
