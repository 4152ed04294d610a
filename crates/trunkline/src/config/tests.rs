use super::*;
use insta::assert_snapshot;

const SMALLEST: &str = r#"
[server]
listen = "127.0.0.1:8080"
[storage]
folder = "./data"
[github]
webhook_secrets = [{ file = "webhook-secret" }]
"#;

fn problems(text: &str) -> String {
    let (_, problems) = parse("trunkline.toml", text);
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn the_smallest_configuration_is_enough() {
    let (config, problems) = parse("trunkline.toml", SMALLEST);
    assert_eq!(problems, []);
    let config = config.unwrap();
    assert_eq!(config.github.webhook_secrets, [SecretRef::File("webhook-secret".into())]);
    assert_eq!(config.github.api_url.as_str(), "https://api.github.com/");
    assert!(config.fleet.is_none());
}

#[test]
fn all_problems_are_said_at_once_with_their_place() {
    let text = r#"
[server]
lissten = "127.0.0.1:8080"
listen = "here"
[storage]
keep_events_days = 0
[github]
webhook_secrets = ["hunter2", { file = "a", env = "b" }]
[fleet]
max_runners = "many"
"#;
    assert_snapshot!(problems(text));
}

#[test]
fn a_secret_in_the_text_is_refused_and_not_repeated() {
    let said = problems("[github]\nwebhook_secrets = [\"hunter2\"]\n");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn broken_syntax_has_a_place() {
    let said = problems("[server]\nlisten = \n");
    assert!(said.starts_with("trunkline.toml:2:"), "{said}");
}

#[test]
fn relative_paths_start_at_the_file() {
    let (config, _) = parse("x/trunkline.toml", SMALLEST);
    let mut config = config.unwrap();
    config.rebase(Path::new("/etc/trunkline"));
    assert_eq!(config.github.webhook_secrets, [SecretRef::File("/etc/trunkline/webhook-secret".into())]);
}

#[test]
fn what_is_missing_before_a_windows_line_break_is_missing_at_the_end_of_the_line() {
    for text in ["\"key\r\nother = 1\r\n", "\"key\nother = 1\n"] {
        let (_, problems) = parse("trunkline.toml", text);
        assert_eq!((problems[0].line, problems[0].column), (1, 5), "{problems:?}");
    }
}
