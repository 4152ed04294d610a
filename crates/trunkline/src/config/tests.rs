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

fn with_github(lines: &str) -> String {
    format!("[github]\nwebhook_secrets = [{{ env = \"X\" }}]\n{lines}\n")
}

#[test]
fn credentials_are_not_sent_in_clear_to_another_machine() {
    for bad in ["http://ghe.corp/api/v3", "http://10.0.0.1", "ftp://127.0.0.1", "https://user:hush@ghe.corp"]
    {
        let said = problems(&with_github(&format!("api_url = \"{bad}\"")));
        assert!(said.starts_with("trunkline.toml:3:11: error: github.api_url: "), "{bad}: {said}");
        assert!(!said.contains("hush"), "{said}");
    }
    for good in ["https://ghe.corp/api/v3", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
        assert_eq!(problems(&with_github(&format!("api_url = \"{good}\""))), "", "{good}");
    }
}

#[test]
fn one_app_and_several_apps_are_read() {
    let forms = [
        ("app = { id = 7, private_key = { file = \"a.pem\" } }", vec![7]),
        ("[github.app]\nid = 7\nprivate_key.file = \"a.pem\"", vec![7]),
        (
            "[[github.apps]]\nid = 7\nprivate_key = { file = \"a.pem\" }\ninstallation_id = 5\n\
             [[github.apps]]\nid = 8\nprivate_key = { file = \"b.pem\" }\norganization = \"acme\"",
            vec![7, 8],
        ),
    ];
    for (form, expected) in forms {
        let (config, problems) = parse("trunkline.toml", &with_github(form));
        assert_eq!(problems, [], "{form}");
        let mut config = config.unwrap();
        config.rebase(Path::new("/etc"));
        assert_eq!(config.github.apps.iter().map(|app| app.id).collect::<Vec<_>>(), expected);
        assert_eq!(config.github.apps[0].private_key, SecretRef::File("/etc/a.pem".into()));
    }
}

#[test]
fn webhooks_of_repositories_organisations_and_apps_are_read() {
    use trunkline_github::client::Hook;
    let text = with_github(
        "app = { id = 7, private_key = { file = \"a.pem\" } }\n\
         hooks = [{ repository = \"o/r\", hook = 1 }, { organization = \"o\", hook = 2 }, { app = 7 }]",
    );
    let (config, problems) = parse("trunkline.toml", &text);
    assert_eq!(problems, []);
    let expected = [Hook::Repo("o/r".parse().unwrap(), 1), Hook::Org("o".into(), 2), Hook::App("7".into())];
    assert_eq!(config.unwrap().github.hooks, expected);
}

#[test]
fn what_cannot_be_in_github_settings_is_said_with_its_place() {
    let text = with_github(
        "token = { env = \"T\" }\n\
         hooks = [{ repository = \"o/r\" }, { app = 9 }]\n\
         app = { id = 7, private_key = { file = \"a.pem\" }, organization = \"o\", installation_id = 3 }\n\
         [[github.apps]]\nid = 7\nprivate_key = { file = \"b.pem\" }\n\
         [[github.apps]]\nid = 8",
    );
    assert_snapshot!(problems(&text));
}

#[test]
fn the_documented_example_is_a_configuration() {
    let page = include_str!("../../../../docs/src/configuration.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (config, problems) = parse("configuration.md", example);
    assert_eq!(problems, []);
    let github = config.unwrap().github;
    assert_eq!((github.apps.len(), github.hooks.len()), (2, 3));
}
#[test]
fn what_is_missing_before_a_windows_line_break_is_missing_at_the_end_of_the_line() {
    for text in ["\"key\r\nother = 1\r\n", "\"key\nother = 1\n"] {
        let (_, problems) = parse("trunkline.toml", text);
        assert_eq!((problems[0].line, problems[0].column), (1, 5), "{problems:?}");
    }
}

const EC2: &str = "[github]\nwebhook_secrets = [{ env = \"X\" }]\n[fleet]\nscale_config = \"s.yml\"\norganization = \"acme\"\n\
                   [fleet.ec2]\n";

#[test]
fn machines_of_ec2_are_read() {
    let text = format!(
        "{EC2}region = \"us-east-1\"\nenvironment = \"prod\"\nsubnets = [\"subnet-1\"]\nmax_machines = 500\n\
         templates = {{ linux-x64 = \"lt-1:3\", windows-x64 = \"windows\" }}\n\
         images = {{ linux-arm64 = \"al2023-*|137112412989\", linux-x64 = \"ami-1\" }}\n\
         tags = {{ Project = \"ci\" }}\nreuse = {{ max_spares = 3 }}\nstart = {{ linux_user = \"ci\" }}\n"
    );
    let (config, problems) = parse("trunkline.toml", &text);
    assert_eq!(problems, []);
    let ec2 = config.unwrap().fleet.unwrap().ec2.unwrap();
    assert_eq!((ec2.region.as_str(), ec2.provider.environment.as_str()), ("us-east-1", "prod"));
    let template = |kind: &str| {
        let template = &ec2.provider.templates[kind];
        format!("{} {}", template.template, template.version)
    };
    assert_eq!(
        (template("linux-x64").as_str(), template("windows-x64").as_str()),
        ("lt-1 3", "windows $Default")
    );
    assert_eq!(ec2.provider.images["linux-arm64"].to_string(), "al2023-*|137112412989");
    assert_eq!(ec2.provider.reuse.map(|reuse| reuse.max_spares), Some(3));
    assert_eq!((ec2.provider.start.linux_user.as_str(), ec2.provider.tags["Project"].as_str()), ("ci", "ci"));
}

#[test]
fn everything_wrong_about_ec2_is_said_with_its_place() {
    let text = format!(
        "{EC2}environment = \"a b\"\nmetadata_hops = 65\nimages = {{ linux-x86 = \"ami-1\" }}\ntags = {{ \"a/b\" = \"x\" }}\n\
         endpoint = \"no address\"\npublic_address = 1\n"
    )
    .replace("organization", "command = [\"./run.sh\"]\norganization");
    insta::assert_snapshot!(problems(&text));
}
