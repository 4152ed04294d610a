import { useEffect, useRef, useState, type Ref } from 'react';
import { isValidRegex } from '../model/filter';
import { PAGE_SIZES, type GridView } from '../model/urlstate';

interface Props {
  ref: Ref<HTMLInputElement>;
  view: GridView;
  shown: number;
  next: string | null;
  canNewer: boolean;
  onChange: (patch: Partial<GridView>, options?: { push?: boolean }) => void;
  onOlder: () => void;
  onNewer: () => void;
  onLegend: () => void;
  onLeaveFilter: () => void;
}

function Toggle({ on, label, title, onClick }: { on: boolean; label: string; title: string; onClick: () => void }) {
  return (
    <button type="button" className="btn toggle" aria-pressed={on} title={title} onClick={onClick}>
      {label}
    </button>
  );
}

export function Toolbar({ ref, view, shown, next, canNewer, onChange, onOlder, onNewer, onLegend, onLeaveFilter }: Props) {
  const [text, setText] = useState(view.filter);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(view.filter);
  useEffect(() => {
    // Only a change from elsewhere replaces what is being typed.
    if (view.filter === sent.current) return;
    sent.current = view.filter;
    setText(view.filter);
  }, [view.filter]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const commit = (value: string) => {
    clearTimeout(timer.current);
    sent.current = value;
    if (value !== view.filter) onChange({ filter: value });
  };
  const invalid = view.regex && text !== '' && !isValidRegex(text);
  return (
    <div className="toolbar" role="toolbar" aria-label="View of the grid">
      <div className={`filter${invalid ? ' invalid' : ''}`}>
        <input
          ref={ref}
          type="search"
          placeholder={view.regex ? 'Filter jobs by regex' : 'Filter jobs'}
          aria-label="Filter jobs"
          aria-invalid={invalid}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(e) => {
            const value = e.target.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => commit(value), 150);
          }}
          onKeyDown={(e) => {
            if (e.key === 'Enter') {
              commit(text);
              onLeaveFilter();
            } else if (e.key === 'Escape') {
              e.stopPropagation();
              setText('');
              commit('');
              onLeaveFilter();
            }
          }}
        />
        <Toggle on={view.regex} label=".*" title="Read the filter as a regular expression" onClick={() => onChange({ regex: !view.regex })} />
      </div>
      <Toggle on={view.grouped} label="Grouped" title="Fold jobs into groups (g)" onClick={() => onChange({ grouped: !view.grouped })} />
      <Toggle on={view.hideGreen} label="Hide green" title="Only columns with a failure on this page" onClick={() => onChange({ hideGreen: !view.hideGreen })} />
      <Toggle on={view.hideUnstable} label="Hide unstable" title="Hide jobs that are known to be unstable" onClick={() => onChange({ hideUnstable: !view.hideUnstable })} />
      {view.expanded.length > 0 && (
        <button type="button" className="btn" onClick={() => onChange({ expanded: [] })}>
          Fold all
        </button>
      )}
      <span className="muted shown" role="status">
        {shown} columns
      </span>
      <span className="spacer" />
      <label className="rows">
        <span className="muted">rows</span>
        <select value={view.perPage} onChange={(e) => onChange({ perPage: Number(e.target.value) })}>
          {[...new Set([...PAGE_SIZES, view.perPage])].map((n) => (
            <option key={n} value={n}>
              {n}
            </option>
          ))}
        </select>
      </label>
      <button type="button" className="btn" disabled={!canNewer} onClick={onNewer}>
        ‹ Newer
      </button>
      <button type="button" className="btn" disabled={next === null} onClick={onOlder}>
        Older ›
      </button>
      <button type="button" className="btn icon" onClick={onLegend} aria-label="Legend and keys" title="Legend and keys (?)">
        ?
      </button>
    </div>
  );
}
