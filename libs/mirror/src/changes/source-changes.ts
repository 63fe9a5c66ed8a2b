/** A response of the source to a request that was passed on. */
export interface SourceResponse {
  readonly method: string;
  /** As it was sent, with its escapes decoded and without the query. */
  readonly path: string;
  readonly status: number;
  /** The parsed document of a JSON response. */
  readonly body?: unknown;
}

/**
 * Changes that requests passed on to the source may make; their effects show here before their responses are sent.
 *
 * @example
 * const change = await changes.begin([id]);
 * const response = await send().catch(() => undefined);
 * await change.settle(response);
 */
export interface SourceChanges {
  /**
   * Before a request other than GET or HEAD is sent: notes that these images may change.
   *
   * @param ids the UUIDs in the path of the request; none for a creation, which needs no note
   * @throws {CatalogueUnavailable} it cannot be noted: the request must not be sent
   */
  begin(ids: readonly string[]): Promise<SourceChange>;
}

/** One request that may change images of the source. */
export interface SourceChange {
  /**
   * After the response and before it is sent to the client: resolves when the catalogue shows what the source has now,
   * within five seconds. Never rejects.
   *
   * @param response undefined: it was lost, and the source may still make the change
   */
  settle(response: SourceResponse | undefined): Promise<void>;

  /** In place of {@link settle} where nothing of the request was sent to the source. Never rejects. */
  withdraw(): Promise<void>;
}
