//! A loopback server that answers by a script and keeps what it was asked.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: &serde_json::Value) -> Answer {
    Answer { status, headers: vec![], body: body.to_string() }
}

impl Answer {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /path?query`
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) if_none_match: String,
}

#[derive(Debug, Default)]
struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// The server; it ends with the value.
pub(crate) struct Fake {
    pub(crate) base: String,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(reply).with_state(Arc::clone(&script));
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self { base, script, task }
    }

    /// Answers to a request, in turn; the last one stays. `request` is `GET /path`, or with the whole query.
    pub(crate) fn on(&self, request: &str, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.insert(request.into(), answers.into_iter().collect());
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// How often something was asked.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.asked().iter().filter(|asked| asked.line.starts_with(start)).count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reply(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_string()
    };
    let (authorization, if_none_match) = (header("authorization"), header("if-none-match"));
    let mut script = script.lock().unwrap();
    script.asked.push(Asked { line: line.clone(), authorization, if_none_match });
    let short = line.split('?').next().unwrap_or("").to_string();
    let key = if script.answers.contains_key(&line) { line } else { short };
    let answers = script.answers.get_mut(&key);
    let answer = answers
        .and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
    let answer = answer.unwrap_or(Answer { status: 404, headers: vec![], body: "{}".into() });
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}
