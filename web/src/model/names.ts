export interface NameParts {
  workflow: string;
  /** Everything after the workflow. */
  job: string;
}

export function splitName(name: string): NameParts {
  const cut = name.indexOf(' / ');
  return cut < 0 ? { workflow: name, job: name } : { workflow: name.slice(0, cut), job: name.slice(cut + 3) };
}

/** Column header: the end of a job name tells shards apart, so it is the middle that gives way. */
export function headerText(name: string, max: number): string {
  // The runner label (last token in the brackets, never a number) says nothing about what is tested.
  const short = name.replace(/, (?!\d+[,)])[A-Za-z][^,()]*\.[^,()]*\)/, ')');
  if (short.length <= max) return short;
  const tail = Math.floor((max - 1) * 0.6);
  return `${short.slice(0, max - 1 - tail)}…${short.slice(short.length - tail)}`;
}

const UNSTABLE = /unstable/i;
const RERUN = /, rerun_/;

/** Columns whose failures warn but do not block. */
export function isWarnOnly(column: string, group: string): boolean {
  return UNSTABLE.test(column) || RERUN.test(column) || UNSTABLE.test(group);
}

export function isUnstable(column: string, group: string): boolean {
  return UNSTABLE.test(column) || UNSTABLE.test(group);
}
