/** Whether a `Cache-Control` header has the directive `no-cache`. */
export function isNoCache(header: string | string[] | undefined): boolean {
  return header !== undefined && /(?:^|[\s,])no-cache(?:$|[\s,])/i.test(String(header));
}
