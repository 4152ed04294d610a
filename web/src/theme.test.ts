import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

const block = (selector: string) => {
  const from = css.indexOf(`${selector} {`);
  return css.slice(css.indexOf('{', from) + 1, css.indexOf('}', from)).split('\n').map((l) => l.trim()).filter((l) => l !== '');
};

it('is as dark by choice as by system preference', () => {
  expect(block(":root[data-theme='dark']")).toEqual(block(":root:not([data-theme='light'])"));
});
