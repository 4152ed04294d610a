# Starts one GitHub Actions runner. The machine's tags say where its single-use configuration waits;
# it is fetched once, deleted, and handed over in the environment. It is never printed.
$ErrorActionPreference = 'Stop'
$folder = '@FOLDER@'
$log = 'C:\trunkline-start.log'
function Say($text) { Add-Content -Path $log -Value ("{0:u} {1}" -f (Get-Date).ToUniversalTime(), $text) }
function End-Machine($text) { Say $text; Stop-Computer -Force; exit 0 }
function Meta($path) {
  $imds = 'http://169.254.169.254/latest'
  $headers = @{ 'X-aws-ec2-metadata-token-ttl-seconds' = '60' }
  $token = Invoke-RestMethod -Method Put -TimeoutSec 5 -Headers $headers -Uri "$imds/api/token"
  Invoke-RestMethod -TimeoutSec 5 -Headers @{ 'X-aws-ec2-metadata-token' = $token } -Uri "$imds/meta-data/$path"
}
function Tag($key) { try { Meta "tags/instance/trunkline:$key" } catch { $null } }

Say 'waiting for a configuration'
$waited = 0
while (-not (($name = Tag 'runner') -and ($path = Tag 'config'))) {
  if (Tag 'spare') { $waited = 0 }
  if ($waited -ge @WAIT_SECONDS@) { End-Machine 'nobody wants this machine' }
  Start-Sleep -Seconds 1
  $waited++
}
$region = Meta 'placement/region'
$config = $null
for ($i = 0; $i -lt 60 -and -not $config; $i++) {
  try { $config = (Get-SSMParameter -Region $region -Name $path -WithDecryption $true).Value }
  catch { Start-Sleep -Seconds 2 }
}
if (-not $config) { End-Machine "the configuration of $name cannot be read; is ssm:GetParameter allowed?" }
try { Remove-SSMParameter -Region $region -Name $path -Force }
catch { Say 'the configuration stays until the control plane deletes it' }

Say "starting runner $name"
Set-Location $folder
$env:ACTIONS_RUNNER_INPUT_JITCONFIG = $config
$config = $null
& .\run.cmd | Out-Null
Say "runner $name ended with $LASTEXITCODE"
Remove-Item Env:\ACTIONS_RUNNER_INPUT_JITCONFIG
@AFTER@
