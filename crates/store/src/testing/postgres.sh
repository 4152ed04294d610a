# Runs a throw-away PostgreSQL until standard input ends, so that it goes with its starter, however that one dies.
# Arguments: directory of the programs, directory to make, port. Says "ready" once, or prints the log and fails.
set -eu
bin=$1 dir=$2 port=$3
mkdir -m 700 "$dir"
as=
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  user=postgres
  id -u "$user" >/dev/null 2>&1 || user=nobody
  chown "$user" "$dir"
  if command -v setpriv >/dev/null; then
    as="setpriv --reuid=$(id -u "$user") --regid=$(id -g "$user") --clear-groups"
  else
    as="runuser -u $user --"
  fi
fi
cd "$dir"
clean() {
  $as "$bin/pg_ctl" stop -s -D "$dir/data" -m immediate >/dev/null 2>&1 || true
  cd /
  rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM
if $as "$bin/initdb" -D "$dir/data" -U trunkline -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
  $as "$bin/pg_ctl" start -s -w -t 60 -D "$dir/data" -l "$dir/data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=on" >>"$dir/log" 2>&1; then
  echo ready
  cat >/dev/null
else
  cat "$dir/log" "$dir/data/log" 2>/dev/null || true
  exit 1
fi
