import { useEffect, useLayoutEffect, useRef, type RefObject } from 'react';
import { HEAD, TITLE, type GridHandle, type Place } from './grid';

interface Actions {
  enabled: boolean;
  grid: RefObject<GridHandle | null>;
  onFilter: () => void;
  onGrouped: () => void;
  onUnfold: (place: Place) => void;
  onPin: (place: Place) => void;
  onOpen: (place: Place) => void;
  onCommit: (place: Place) => void;
  onLegend: () => void;
  onEscape: () => void;
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  k: [-1, 0],
  j: [1, 0],
  h: [0, -1],
  l: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
};

/** Keys work wherever focus is, except where a person types or another control owns them. */
export function useGridKeys(actions: Actions): void {
  const latest = useRef(actions);
  // Before the browser takes the next key: an effect after paint would let a quick key act on the view before.
  useLayoutEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const a = latest.current;
      // A modal dialog owns the keyboard for as long as it is open, not for as long as it is drawn.
      if (!a.enabled || document.querySelector('dialog[open]') !== null || event.defaultPrevented || event.altKey || event.metaKey || event.ctrlKey) return;
      const on = event.target instanceof HTMLElement ? event.target : document.body;
      if (on.matches('input, select, textarea, [contenteditable]')) return;
      const grid = a.grid.current;
      const inGrid = on === document.body || on.closest('[role="grid"]') !== null;
      const move = MOVES[event.key];
      if (move !== undefined && grid !== null && (inGrid || event.key.length === 1)) grid.move(move[0], move[1]);
      else if (event.key === 'Home' && inGrid) grid?.edge('start');
      else if (event.key === 'End' && inGrid) grid?.edge('end');
      else if (!act(event.key, a, grid, on === document.body)) return;
      event.preventDefault();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}

function act(key: string, a: Actions, grid: GridHandle | null, unfocused: boolean): boolean {
  const place = grid?.place() ?? null;
  switch (key) {
    case 'n':
      grid?.failure(1);
      return true;
    case 'p':
      grid?.failure(-1);
      return true;
    case 'f':
    case '/':
      a.onFilter();
      return true;
    case 'g':
      a.onGrouped();
      return true;
    case 'e':
      if (place !== null && place.column !== TITLE) a.onUnfold(place);
      return true;
    case 'o':
      if (place !== null) a.onOpen(place);
      return true;
    case 'c':
      if (place !== null) a.onCommit(place);
      return true;
    case '?':
      a.onLegend();
      return true;
    case 'Escape':
      a.onEscape();
      return true;
    case 'Enter':
      // Enter on a focused cell is the grid's own; this is for a selection without focus.
      if (!unfocused || place === null || place.row === HEAD || place.column === TITLE) return false;
      a.onPin(place);
      return true;
    default:
      return false;
  }
}
