import type { components } from './types';

type S = components['schemas'];

export type Repos = S['Repos'];
export type Repo = S['Repo'];
export type Grid = S['Grid'];
export type GridColumn = S['GridColumn'];
export type GridGroup = S['GridGroup'];
export type GridCommit = S['GridCommit'];
export type CommitPage = S['CommitPage'];
export type Commit = S['Commit'];
export type Job = S['Job'];
export type Cell = S['Cell'];
export type Fleet = S['Fleet'];
export type FleetLabel = S['FleetLabel'];
export type FleetRunner = S['FleetRunner'];
export type FleetTotals = S['FleetTotals'];
export type Status = S['Status'];
export type CommitsChanged = S['CommitsChanged'];
