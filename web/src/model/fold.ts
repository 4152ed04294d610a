import type { Grid } from '../api/schema';
import { matcher } from './filter';
import { isUnstable, isWarnOnly } from './names';
import { groupLetter, isFailure, statusClass, type StatusClass } from './status';

export interface JobColumn {
  kind: 'job';
  key: string;
  name: string;
  group: string;
  /** Index into the letters of a commit. */
  index: number;
  warnOnly: boolean;
}

export interface GroupColumn {
  kind: 'group';
  key: string;
  name: string;
  members: readonly number[];
  expanded: boolean;
}

export type ViewColumn = JobColumn | GroupColumn;

export interface FoldOptions {
  grouped: boolean;
  hideGreen: boolean;
  hideUnstable: boolean;
  filter: string;
  regex: boolean;
  expanded: ReadonlySet<string>;
}

export interface Folded {
  columns: ViewColumn[];
  warnOnly: readonly boolean[];
}

/** Group columns of a folded view, with every member that an unfolding shows right after it. */
export function fold(grid: Pick<Grid, 'columns' | 'groups' | 'commits'>, options: FoldOptions): Folded {
  const { columns, groups, commits } = grid;
  const groupName = (i: number) => groups[columns[i]?.group ?? -1]?.name ?? 'other';
  const warnOnly = columns.map((c, i) => isWarnOnly(c.name, groupName(i)));
  const matches = matcher(options.filter, options.regex);

  const red = new Set<number>();
  if (options.hideGreen) {
    for (const commit of commits) {
      for (let i = 0; i < columns.length; i++) {
        if (isFailure(statusClass(commit.cells.charAt(i) || '~', warnOnly[i]))) red.add(i);
      }
    }
  }
  const shown = (i: number) =>
    (!options.hideGreen || red.has(i)) && (matches(columns[i]?.name ?? '') || matches(groupName(i)));

  const members: number[][] = groups.map(() => []);
  const ungrouped: number[] = [];
  columns.forEach((column, i) => (members[column.group] ?? ungrouped).push(i));

  const out: ViewColumn[] = [];
  const job = (i: number): JobColumn => ({
    kind: 'job',
    key: `j:${columns[i]?.name ?? i}`,
    name: columns[i]?.name ?? '',
    group: groupName(i),
    index: i,
    warnOnly: warnOnly[i] ?? false,
  });
  const pushGroup = (name: string, all: readonly number[], visible: readonly number[]) => {
    if (visible.length === 0) return;
    const expanded = options.expanded.has(name);
    out.push({ kind: 'group', key: `g:${name}`, name, members: all, expanded });
    if (expanded) for (const i of visible) out.push(job(i));
  };

  if (options.grouped) {
    groups.forEach((group, g) => {
      const all = members[g] ?? [];
      if (options.hideUnstable && all.length > 0 && all.every((i) => isUnstable(columns[i]?.name ?? '', group.name))) return;
      pushGroup(group.name, all, all.filter(shown));
    });
    for (const i of ungrouped) if (shown(i)) out.push(job(i));
    return { columns: out, warnOnly };
  }

  // Ungrouped: persistent groups stay folded, and hidden unstable jobs fold into one group at the end.
  const unstable: number[] = [];
  columns.forEach((column, i) => {
    if (groups[column.group]?.persistent === true) return;
    if (options.hideUnstable && isUnstable(column.name, groupName(i))) unstable.push(i);
    else if (shown(i)) out.push(job(i));
  });
  groups.forEach((group, g) => {
    if (group.persistent) pushGroup(group.name, members[g] ?? [], (members[g] ?? []).filter(shown));
  });
  pushGroup('Unstable', unstable, unstable.filter(shown));
  return { columns: out, warnOnly };
}

export interface CellState {
  letter: string;
  kind: StatusClass;
}

const STATES = new Map<string, CellState>();

/** States are few and shared, so that a row can be compared cell by cell by identity. */
function state(letter: string, kind: StatusClass): CellState {
  const key = letter + kind;
  let found = STATES.get(key);
  if (found === undefined) {
    found = { letter, kind };
    STATES.set(key, found);
  }
  return found;
}

export function cellState(cells: string, column: ViewColumn, warnOnly: readonly boolean[]): CellState {
  if (column.kind === 'job') {
    const letter = cells.charAt(column.index) || '~';
    return state(letter, statusClass(letter, column.warnOnly));
  }
  const letter = groupLetter(memberStates(cells, column, warnOnly));
  return state(letter, statusClass(letter));
}

function* memberStates(cells: string, column: GroupColumn, warnOnly: readonly boolean[]): Generator<StatusClass> {
  for (const i of column.members) yield statusClass(cells.charAt(i) || '~', warnOnly[i]);
}

export interface MemberState {
  index: number;
  kind: StatusClass;
  letter: string;
}

/** Members that deserve a line in the tooltip of a group: failing, running, queued, flaky. */
export function notable(cells: string, column: GroupColumn, warnOnly: readonly boolean[]): MemberState[] {
  const order: StatusClass[] = ['failure', 'timeout', 'warning', 'cancelled', 'flaky', 'running', 'queued', 'other'];
  const out: MemberState[] = [];
  for (const index of column.members) {
    const letter = cells.charAt(index) || '~';
    const kind = statusClass(letter, warnOnly[index]);
    if (order.includes(kind)) out.push({ index, kind, letter });
  }
  return out.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.index - b.index);
}
