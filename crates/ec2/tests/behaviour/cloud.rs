//! A cloud for tests: moto, started once, and a region of its own for each test.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use trunkline_ec2::{
    Client, Credentials, Ec2Config, Ec2Provider, Options,
    api::{Filter, instances::Instance},
    credentials::Environment,
};
use trunkline_fleet::provider::{Image, LaunchSpec, MachineSpec};
use trunkline_github::http::{HttpOptions, client};
use trunkline_model::{Rng, SharedClock, SystemClock};
use url::Url;

/// An image that moto has in every region.
pub(crate) const IMAGE_NAME: &str = "amzn2-ami-hvm-2.0.*-x86_64-gp2";

/// Regions that no test has taken yet.
static REGIONS: Mutex<Vec<&str>> = Mutex::new(vec![]);

struct Server {
    url: Url,
    /// Ends when its standard input does: with this process.
    _child: Child,
}

fn server() -> Option<&'static Url> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref().map(|server| &server.url)
}

/// The project's Python; `None`, with a message, when it is not here.
#[expect(clippy::print_stderr, reason = "says why a test is skipped")]
pub(crate) fn python() -> Option<PathBuf> {
    let python = env::var_os("TRUNKLINE_TEST_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/python/bin/python"),
        PathBuf::from,
    );
    if !python.exists() {
        assert!(env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "{} is missing", python.display());
        eprintln!("skipped: no {} with moto; run `cargo xtask setup`", python.display());
        return None;
    }
    Some(python)
}

fn start() -> Option<Server> {
    let python = python()?;
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour/moto_server.py"))
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
        .env("MOTO_ENABLE_AMI_VALIDATION", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 =
        line.trim().parse().expect("the server prints its port: is moto installed? `cargo xtask setup`");
    *REGIONS.lock().unwrap_or_else(PoisonError::into_inner) = vec![
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-central-1",
        "eu-north-1",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "sa-east-1",
        "ca-central-1",
        "ap-northeast-3",
        "ap-east-1",
        "me-south-1",
        "af-south-1",
        "eu-south-1",
    ];
    Some(Server { url: format!("http://127.0.0.1:{port}/").parse().unwrap(), _child: child })
}

pub(crate) fn keys() -> Credentials {
    Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: "not-a-secret".to_owned().into(),
        session_token: None,
        expires: None,
    }
}

/// A region of the test's own.
pub(crate) struct Cloud {
    pub(crate) client: Client,
    pub(crate) subnets: Vec<String>,
    pub(crate) clock: SharedClock,
    url: Url,
    region: &'static str,
}

impl Cloud {
    /// `None`, with a message, when moto is not here.
    pub(crate) async fn new() -> Option<Self> {
        let url = server()?.clone();
        let region = REGIONS.lock().unwrap().pop().expect("more tests than regions");
        let clock: SharedClock = Arc::new(SystemClock);
        let client = client_for(&url, region, keys());
        let subnets = default_subnets(&url, region).await;
        assert!(subnets.len() >= 2, "moto gives every region a default network");
        Some(Self { client, subnets, clock, url, region })
    }

    /// Settings for a small fleet.
    pub(crate) fn config(&self) -> Ec2Config {
        let mut config = Ec2Config::new("ghci", self.subnets.clone());
        config.images.insert("linux-x64".into(), Image::Named(ami(IMAGE_NAME, None)));
        config.machines.insert("linux.large".into(), machine());
        config
    }

    pub(crate) fn provider(&self, config: Ec2Config) -> Ec2Provider {
        Ec2Provider::new(self.client.clone(), config, Arc::clone(&self.clock)).unwrap()
    }

    /// Another client of the same region.
    pub(crate) fn client_with(&self, keys: Credentials) -> Client {
        client_for(&self.url, self.region, keys)
    }

    /// All machines of the region, ended ones too.
    pub(crate) async fn everything(&self) -> Vec<Instance> {
        self.client.instances(&[]).await.unwrap()
    }

    /// The one machine of a runner.
    pub(crate) async fn machine_of(&self, name: &str) -> Instance {
        let mut found = self.client.instances(&[Filter::tag("trunkline:runner", [name])]).await.unwrap();
        found.retain(|machine| machine.state.is_there());
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// The value of a secret, as its machine reads it.
    pub(crate) async fn parameter(&self, name: &str) -> secrecy::SecretString {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=X/20260101/{}/ssm/aws4_request, SignedHeaders=host, Signature=0",
            self.region
        );
        let body = serde_json::json!({"Name": name, "WithDecryption": true}).to_string();
        let request = client(&HttpOptions::default())
            .unwrap()
            .post(self.url.clone())
            .header("Authorization", scope)
            .header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", "AmazonSSM.GetParameter")
            .body(body);
        let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["Parameter"]["Type"], "SecureString");
        answer["Parameter"]["Value"].as_str().unwrap().to_owned().into()
    }

    /// A call that only tests make; the answer's text.
    pub(crate) async fn call(&self, params: &[(&str, &str)]) -> String {
        call(&self.url, self.region, params).await
    }
}

fn client_for(url: &Url, region: &str, keys: Credentials) -> Client {
    let options = Options {
        endpoint: Some(url.clone()),
        first_pause: Duration::from_millis(20),
        ..Options::new(region)
    };
    let http = client(&HttpOptions::default()).unwrap();
    let clock: SharedClock = Arc::new(SystemClock);
    Client::new(http, options, Environment::default(), Some(keys), clock, Rng::from_seed(1)).unwrap()
}

/// moto reads region and service of the signature's scope and does not check the signature.
async fn call(url: &Url, region: &str, params: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Version", "2016-11-15").extend_pairs(params);
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=X/20260101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0"
    );
    let http = client(&HttpOptions::default()).unwrap();
    let request = http
        .post(url.clone())
        .header("Authorization", scope)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.finish());
    request.send().await.unwrap().text().await.unwrap()
}

async fn default_subnets(url: &Url, region: &str) -> Vec<String> {
    let text = call(url, region, &[("Action", "DescribeSubnets")]).await;
    let mut found: Vec<String> = text
        .split("<subnetId>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

pub(crate) fn ami(name: &str, owner: Option<&str>) -> trunkline_fleet::scale_config::Ami {
    trunkline_fleet::scale_config::Ami { name: name.into(), owner: owner.map(str::to_owned) }
}

pub(crate) fn machine() -> MachineSpec {
    MachineSpec {
        instance_types: vec!["m5.large".into(), "c5.large".into()],
        disk_gb: Some(50),
        tags: BTreeMap::from([("Team".to_owned(), "ci".to_owned())]),
        ..MachineSpec::default()
    }
}

pub(crate) fn order(name: &str, secret: &str) -> LaunchSpec {
    LaunchSpec {
        name: name.parse().unwrap(),
        runner_type: "linux.large".into(),
        labels: vec![],
        jit_config: secret.to_owned().into(),
        runner_id: Some(trunkline_model::RunnerId(42)),
        machine: MachineSpec::default(),
    }
}
