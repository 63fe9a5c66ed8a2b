/** A message without line breaks, which a quoted key or message may contain. */
export function oneLine(message: string): string {
  return message.replace(/\s*[\n\v\f\r\u0085\u2028\u2029]\s*/g, ' ');
}
