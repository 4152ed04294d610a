export interface components {
  schemas: {
    Repos: {
      repos: components['schemas']['Repo'][];
    };
    Repo: {
      name: string;
      branches: string[];
      default_branch: string;
    };
    Grid: {
      repo: string;
      branch: string;
      as_of: string;
      intake_lag_seconds: number | null;
      last_seq: number;
      columns: components['schemas']['GridColumn'][];
      groups: components['schemas']['GridGroup'][];
      commits: components['schemas']['GridCommit'][];
      next: string | null;
    };
    GridColumn: {
      name: string;
      group: number;
    };
    GridGroup: {
      name: string;
      persistent: boolean;
    };
    GridCommit: {
      sha: string;
      time: string;
      title: string;
      author: string;
      pr: number | null;
      cells: string;
      detail: { [column: string]: [number, number] };
    };
    CommitPage: {
      commit: components['schemas']['Commit'];
      jobs: components['schemas']['Job'][];
      counts: components['schemas']['Counts'];
    };
    Commit: {
      sha: string;
      title: string;
      message: string;
      author: string;
      pr: number | null;
      time: string;
      url: string;
    };
    Job: {
      id: number;
      name: string;
      status: string;
      conclusion: string | null;
      letter: string;
      run_id: number;
      attempt: number;
      queue_seconds: number | null;
      run_seconds: number | null;
      created_at: string;
      started_at: string | null;
      completed_at: string | null;
      runner_name: string | null;
      labels: string[];
      html_url: string;
      event: string;
    };
    Counts: {
      failure: number;
      running: number;
      queued: number;
      success: number;
      other: number;
    };
    Cell: {
      runs: components['schemas']['Job'][];
    };
    Fleet: {
      labels: components['schemas']['FleetLabel'][];
      runners: components['schemas']['FleetRunner'][];
      totals: components['schemas']['FleetTotals'];
    };
    FleetLabel: {
      label: string;
      queued: number;
      oldest_queued_seconds: number | null;
      planned: number;
      booting: number;
      idle: number;
      busy: number;
      max: number | null;
    };
    FleetRunner: {
      name: string;
      type: string;
      state: string;
      provider: string;
      job: string | null;
      age_seconds: number;
      reason: string | null;
    };
    FleetTotals: {
      queued: number;
      booting: number;
      idle: number;
      busy: number;
    };
    Status: {
      version: string;
      as_of: string;
      intake: {
        last_seq: number;
        last_received_at: string | null;
        lag_seconds: number | null;
      };
      loops: unknown[];
    };
    CommitsChanged: {
      repo: string;
      shas: string[];
      seq: number;
    };
  };
}
