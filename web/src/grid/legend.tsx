import { useEffect, useRef } from 'react';
import { LEGEND } from '../model/status';

const KEYS: readonly (readonly [string, string])[] = [
  ['← ↓ ↑ → or h j k l', 'move'],
  ['n / p', 'next / previous failure'],
  ['Enter', 'pin a cell; unfold at a group header; open at a title'],
  ['e', 'unfold or fold the group'],
  ['g', 'grouped view on or off'],
  ['f', 'filter columns'],
  ['o', 'open at GitHub'],
  ['c', 'commit page'],
  ['?', 'this legend'],
  ['Esc', 'close, unpin, clear'],
];

export function Legend({ onClose }: { onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} className="legend" aria-label="Legend and keys" onClose={onClose} onClick={(e) => e.target === ref.current && onClose()}>
      <div className="legend-body">
        <section>
          <h2>Letters</h2>
          <ul>
            {LEGEND.map(([letter, kind, text]) => (
              <li key={letter + kind}>
                <span className={`cell-mark s-${kind}`}>{letter}</span> {text}
              </li>
            ))}
          </ul>
        </section>
        <section>
          <h2>Keys</h2>
          <dl>
            {KEYS.map(([key, text]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
        <button type="button" className="btn" onClick={onClose}>
          Close
        </button>
      </div>
    </dialog>
  );
}
