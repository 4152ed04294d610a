import type { ReactNode } from 'react';
import { ApiError } from '../api/client';

export function ErrorTile({ title, error, onRetry }: { title: string; error: unknown; onRetry?: () => void }) {
  const status = error instanceof ApiError && error.status > 0 ? ` (${error.status})` : '';
  const text = error instanceof Error ? error.message : 'Unknown error.';
  return (
    <div className="tile tile-error" role="alert">
      <strong>
        {title}
        {status}
      </strong>
      <p>{text}</p>
      {onRetry !== undefined && (
        <button type="button" className="btn" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="tile tile-empty">
      <strong>{title}</strong>
      <div>{children}</div>
    </div>
  );
}

export function Skeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className={`skeleton-row w${i % 4}`} />
      ))}
    </div>
  );
}
