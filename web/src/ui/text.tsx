import { Fragment, type ReactNode } from 'react';
import { github } from '../model/routes';

const LINKS = /(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])|(^|[\s(])#(\d{1,9})\b/g;

/** Plain text with its addresses and `#123` references as links. */
export function Linked({ text, repo }: { text: string; repo: string }) {
  const out: ReactNode[] = [];
  let last = 0;
  for (const match of text.matchAll(LINKS)) {
    const [whole, url, lead, number] = match;
    out.push(text.slice(last, match.index));
    if (url !== undefined) out.push(<a href={url}>{url}</a>);
    else out.push(lead, <a href={github.pull(repo, Number(number))}>#{number}</a>);
    last = match.index + whole.length;
  }
  out.push(text.slice(last));
  return (
    <>
      {out.map((part, i) => (
        <Fragment key={i}>{part}</Fragment>
      ))}
    </>
  );
}

const LOGIN = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\[bot\])?$/;

/** Authors are logins where GitHub knows one, and plain names otherwise. */
export function Author({ name, tabIndex }: { name: string; tabIndex?: number }) {
  return LOGIN.test(name) ? (
    <a href={github.user(name.replace('[bot]', ''))} tabIndex={tabIndex}>
      {name}
    </a>
  ) : (
    <>{name}</>
  );
}
