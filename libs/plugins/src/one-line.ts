/** A message without line breaks: what is quoted in it, a key or another message, may have some. */
export function oneLine(message: string): string {
  return message.replace(/\s*[\n\v\f\r\u0085\u2028\u2029]\s*/g, ' ');
}
