export type Matcher = (text: string) => boolean;

/** Substring, case-insensitive; or a regular expression, where an invalid one matches nothing. */
export function matcher(text: string, regex: boolean): Matcher {
  if (text === '') return () => true;
  if (!regex) {
    const needle = text.toLowerCase();
    return (s) => s.toLowerCase().includes(needle);
  }
  try {
    const re = new RegExp(text, 'i');
    return (s) => re.test(s);
  } catch {
    return () => false;
  }
}

export function isValidRegex(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
