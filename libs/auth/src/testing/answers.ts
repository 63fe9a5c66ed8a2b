/** A response of the Identity API; a null body is empty. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | null;
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
};

export function refusal(status: number, message: string, headers?: Record<string, string>): ApiAnswer {
  return { status, headers, body: { error: { code: status, message, title: TITLES[status] } } };
}

export function forbidden(action: string): ApiAnswer {
  return refusal(403, `You are not authorized to perform the requested action: ${action}.`);
}

export function notFound(what: string, id: string): ApiAnswer {
  return refusal(404, `Could not find ${what}: ${id}.`);
}
