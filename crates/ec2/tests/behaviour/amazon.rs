//! An Amazon that says what it is told to say: for what moto cannot do.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use trunkline_ec2::{Client, Ec2Config, Ec2Provider, Options, credentials::Environment};
use trunkline_fleet::provider::Image;
use trunkline_github::http::{HttpOptions, client};
use trunkline_model::{Clock, ManualClock, Rng};

/// What it says to a call.
#[derive(Clone)]
pub(crate) enum Say {
    /// An answer; the XML goes into an element of the action's name.
    Answer(String),
    /// A refusal: status, code, message.
    No(u16, &'static str, &'static str),
    /// Anything at all.
    Raw(u16, &'static str),
    /// Nothing, for ever.
    Hang,
}

/// A call that was made.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) params: BTreeMap<String, String>,
}

#[derive(Default)]
struct Script {
    said: BTreeMap<String, VecDeque<Say>>,
    always: BTreeMap<String, Say>,
    calls: Vec<Call>,
}

#[derive(Clone)]
pub(crate) struct Amazon {
    script: Arc<Mutex<Script>>,
    pub(crate) clock: ManualClock,
    /// Time for a call with all its tries.
    pub(crate) budget: Duration,
    url: url::Url,
}

impl Amazon {
    pub(crate) async fn new() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new().fallback(handle).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = ManualClock::new("2026-01-01T12:00:00Z".parse().unwrap());
        let amazon = Self { script, clock, budget: Duration::from_millis(800), url };
        for (action, answer) in [
            ("DescribeInstances", "<reservationSet/>"),
            (
                "DescribeSubnets",
                "<subnetSet><item><subnetId>subnet-a</subnetId><availabilityZone>x-1a</availabilityZone></item>\
                 <item><subnetId>subnet-b</subnetId><availabilityZone>x-1b</availabilityZone></item></subnetSet>",
            ),
            (
                "DescribeImages",
                "<imagesSet><item><imageId>ami-1</imageId><name>runner</name><rootDeviceName>/dev/xvda</rootDeviceName>\
                 </item></imagesSet>",
            ),
            (
                "CreateLaunchTemplate",
                "<launchTemplate><launchTemplateId>lt-1</launchTemplateId><launchTemplateName>t</launchTemplateName>\
                 <defaultVersionNumber>1</defaultVersionNumber></launchTemplate>",
            ),
            (
                "CreateReplaceRootVolumeTask",
                "<replaceRootVolumeTask><replaceRootVolumeTaskId>replacevol-1</replaceRootVolumeTaskId>\
                 </replaceRootVolumeTask>",
            ),
            ("DescribeVolumes", "<volumeSet/>"),
            ("DescribeSpotInstanceRequests", "<spotInstanceRequestSet/>"),
            ("DescribeInstanceStatus", "<instanceStatusSet/>"),
        ] {
            amazon.always(action, Say::Answer(answer.into()));
        }
        amazon
    }

    /// What it says to every call of an action.
    pub(crate) fn always(&self, action: &str, say: Say) {
        self.script.lock().unwrap().always.insert(action.into(), say);
    }

    /// What it says to the next calls of an action, before what it always says.
    pub(crate) fn next(&self, action: &str, say: impl IntoIterator<Item = Say>) {
        self.script.lock().unwrap().said.entry(action.into()).or_default().extend(say);
    }

    /// The calls of an action so far.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        self.script.lock().unwrap().calls.iter().filter(|call| call.action == action).cloned().collect()
    }

    /// All calls so far.
    pub(crate) fn all_calls(&self) -> Vec<Call> {
        self.script.lock().unwrap().calls.clone()
    }

    /// The actions of all calls so far that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let calls = &self.script.lock().unwrap().calls;
        calls
            .iter()
            .map(|call| call.action.clone())
            .filter(|action| !action.starts_with("Describe"))
            .collect()
    }

    pub(crate) fn forget_calls(&self) {
        self.script.lock().unwrap().calls.clear();
    }

    pub(crate) fn client(&self) -> Client {
        let options = Options {
            endpoint: Some(self.url.clone()),
            tries: 3,
            first_pause: Duration::from_millis(5),
            budget: self.budget,
            ..Options::new("us-east-1")
        };
        let http = client(&HttpOptions::default()).unwrap();
        let clock = Arc::new(self.clock.clone());
        let keys = crate::cloud::keys();
        Client::new(http, options, Environment::default(), Some(keys), clock, Rng::from_seed(1)).unwrap()
    }

    pub(crate) fn config(&self) -> Ec2Config {
        let mut config = Ec2Config::new("ghci", vec!["subnet-a".into(), "subnet-b".into()]);
        config.images.insert("linux-x64".into(), Image::Id("ami-1".into()));
        config.machines.insert("linux.large".into(), crate::cloud::machine());
        config
    }

    pub(crate) fn provider(&self, config: Ec2Config) -> Ec2Provider {
        Ec2Provider::new(self.client(), config, Arc::new(self.clock.clone())).unwrap()
    }

    pub(crate) fn ago(&self, minutes: i64) -> String {
        (self.clock.now() - SignedDuration::from_mins(minutes)).to_string()
    }
}

/// A machine as `DescribeInstances` and `RunInstances` tell it.
pub(crate) fn machine(id: &str, state: &str, launched: &str, tags: &[(&str, &str)], more: &str) -> String {
    let tags: String =
        [("Application", "github-action-runner"), ("Environment", "ghci"), ("RunnerType", "linux.large")]
            .iter()
            .chain(tags)
            .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
            .collect();
    format!(
        "<item><instanceId>{id}</instanceId><imageId>ami-1</imageId><instanceState><name>{state}</name></instanceState>\
         <instanceType>m5.large</instanceType><launchTime>{launched}</launchTime><placement><availabilityZone>x-1a\
         </availabilityZone></placement><tagSet>{tags}</tagSet>{more}</item>"
    )
}

/// A `DescribeInstances` answer.
pub(crate) fn listed(machines: &[String], next: Option<&str>) -> Say {
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    let machines = machines.concat();
    Say::Answer(format!(
        "<reservationSet><item><instancesSet>{machines}</instancesSet></item></reservationSet>{next}"
    ))
}

/// A `RunInstances` answer.
pub(crate) fn started(id: &str) -> Say {
    Say::Answer(format!(
        "<instancesSet>{}</instancesSet>",
        machine(id, "pending", "2026-01-01T12:00:00Z", &[], "")
    ))
}

async fn handle(State(script): State<Arc<Mutex<Script>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let call = match target.and_then(|target| target.strip_prefix("AmazonSSM.")) {
        Some(action) => {
            let values: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&body).unwrap();
            let params = values.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            Call { action: action.to_owned(), params }
        }
        None => {
            let params: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
            Call { action: params["Action"].clone(), params }
        }
    };
    assert!(
        headers["authorization"].to_str().unwrap().starts_with("AWS4-HMAC-SHA256 "),
        "every call is signed"
    );
    let (action, json) = (call.action.clone(), target.is_some());
    let say = {
        let mut script = script.lock().unwrap();
        script.calls.push(call);
        let next = script.said.get_mut(&action).and_then(VecDeque::pop_front);
        next.or_else(|| script.always.get(&action).cloned())
    };
    let status = |code| StatusCode::from_u16(code).unwrap();
    match say {
        Some(Say::Answer(text)) if json => text.into_response(),
        Some(Say::Answer(xml)) => format!("<{action}Response>{xml}</{action}Response>").into_response(),
        Some(Say::No(code, kind, message)) if json => {
            (status(code), serde_json::json!({"__type": kind, "message": message}).to_string())
                .into_response()
        }
        Some(Say::No(code, kind, message)) => {
            let xml = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{kind}</Code><Message>\
                 {message}</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
            );
            (status(code), xml).into_response()
        }
        Some(Say::Raw(code, text)) => (status(code), text).into_response(),
        Some(Say::Hang) => std::future::pending().await,
        None if json => "{\"Parameters\":[],\"DeletedParameters\":[]}".into_response(),
        None => format!("<{action}Response><return>true</return></{action}Response>").into_response(),
    }
}
