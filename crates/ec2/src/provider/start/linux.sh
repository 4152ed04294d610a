#!/bin/sh
# Starts one GitHub Actions runner. The machine's tags say where its single-use configuration waits;
# it is fetched once, deleted, and handed over in the environment. It is never printed: keep `set -x` out.
set -u
umask 077
folder=@FOLDER@
user=@USER@
log=${TRUNKLINE_LOG:-/var/log/trunkline-start.log}
exec >>"$log" 2>&1
exec 9>"${TRUNKLINE_LOCK:-/run/trunkline-start.lock}"
flock -n 9 || exit 0

say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"; }
end() {
  say "$*"
  shutdown -h now
  exit 0
}
imds=http://169.254.169.254/latest
meta() {
  token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token") &&
    curl -sf -m 5 -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"
}
tag() { meta "tags/instance/trunkline:$1"; }

say 'waiting for a configuration'
waited=0
until name=$(tag runner) && path=$(tag config); do
  # A spare machine waits until it is wanted.
  if tag spare >/dev/null; then waited=0; fi
  if [ "$waited" -ge @WAIT_SECONDS@ ]; then end 'nobody wants this machine'; fi
  sleep 1
  waited=$((waited + 1))
done
region=$(meta placement/region)

@PREPARE@

tries=0
until config=$(aws ssm get-parameter --region "$region" --name "$path" --with-decryption \
  --query Parameter.Value --output text 2>/dev/null) && [ -n "$config" ]; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then end "the configuration of $name cannot be read; is ssm:GetParameter allowed?"; fi
  sleep 2
done
aws ssm delete-parameter --region "$region" --name "$path" >/dev/null 2>&1 ||
  say 'the configuration stays until the control plane deletes it'

say "starting runner $name"
cd "$folder" || end "there is no runner in $folder"
HOME=$(getent passwd "$user" | cut -d: -f6)
ACTIONS_RUNNER_INPUT_JITCONFIG=$config
export HOME ACTIONS_RUNNER_INPUT_JITCONFIG
unset config
runuser -u "$user" -- ./run.sh
say "runner $name ended with $?"
unset ACTIONS_RUNNER_INPUT_JITCONFIG
@AFTER@
