use super::*;

const KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
const MACHINE: Machine = Machine { cores: 6, terminal: false };

fn env(values: &[(&str, &str)]) -> Sources {
    let environment = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::none(MACHINE) }
}

fn config(values: &[(&str, &str)]) -> Config {
    load(&env(values)).unwrap().config
}

fn faults(sources: &Sources) -> Vec<String> {
    load(sources).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn with_nothing_given_every_setting_has_its_default() {
    let Loaded { config, effective } = load(&Sources::none(MACHINE)).unwrap();
    assert_eq!(config.database_url.url(), "sqlite://data/claudetools.db");
    assert_eq!(config.listen().to_string(), "127.0.0.1:8000");
    assert_eq!(config.workers, 6);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.jwt_algorithm, JwtAlgorithm::Hs256);
    assert_eq!((config.jwt_issuer.as_str(), config.jwt_audience.as_str()), ("claudetools", "claudetools"));
    assert_eq!(config.access_token_lifetime(), Duration::from_hours(1));
    assert_eq!(config.security_header_x_frame_options.as_deref(), Some("DENY"));
    assert_eq!(config.security_header_permissions_policy, None);
    assert_eq!(config.key_file(), Path::new("data/jwt.keys"));
    assert!(config.api_audit_log && config.tls_files().is_none() && config.jwt_secret_key.is_none());
    assert!(effective.iter().all(|line| line.origin == Origin::Default));
    assert_eq!(effective.len(), SETTINGS.len());
}

#[test]
fn defaults_follow_the_machine_and_the_data_directory() {
    let mut sources = env(&[("DATA_DIR", "/var/lib/claudetools/")]);
    sources.machine.terminal = true;
    let config = load(&sources).unwrap().config;
    assert_eq!(config.database_url.url(), "sqlite:///var/lib/claudetools/claudetools.db");
    assert_eq!(config.log_format, LogFormat::Pretty);
}

#[test]
fn the_environment_is_stronger_than_dotenv_and_dotenv_than_the_file() {
    let file = "port = 1\nworkers = 1\njwt_issuer = \"file\"\njwt_audience = \"file\"\n";
    let sources = Sources {
        dotenv: Some("PORT=2\nWORKERS=2\nCLAUDETOOLS_JWT_ISSUER=dotenv\n".to_owned()),
        file: Some(("claudetools.toml".to_owned(), file.to_owned())),
        ..env(&[("PORT", "3")])
    };
    let Loaded { config, effective } = load(&sources).unwrap();
    assert_eq!((config.port, config.workers), (3, 2));
    assert_eq!((config.jwt_issuer.as_str(), config.jwt_audience.as_str()), ("dotenv", "file"));
    let origins: Vec<_> = effective.iter().map(|line| line.origin.to_string()).filter(|o| o != "default").collect();
    assert_eq!(
        origins,
        ["environment PORT", ".env WORKERS", ".env CLAUDETOOLS_JWT_ISSUER", "claudetools.toml jwt_audience"]
    );
}

#[test]
fn the_prefixed_name_is_stronger_than_the_bare_one() {
    assert_eq!(config(&[("PORT", "1"), ("CLAUDETOOLS_PORT", "2")]).port, 2);
}

#[test]
fn an_empty_value_is_none_given_or_switches_off() {
    let sources = Sources {
        dotenv: Some("PORT=9\nTRUSTED_PROXIES=10.0.0.0/8\n".to_owned()),
        ..env(&[
            ("PORT", ""),
            ("TRUSTED_PROXIES", ""),
            ("SECURITY_HEADER_X_FRAME_OPTIONS", ""),
            ("BOOTSTRAP_ADMIN_PASSWORD", ""),
        ])
    };
    let config = load(&sources).unwrap().config;
    assert_eq!(config.port, 9);
    assert!(config.trusted_proxies.is_empty());
    assert_eq!(config.security_header_x_frame_options, None);
    assert_eq!(config.security_header_referrer_policy.as_deref(), Some("strict-origin-when-cross-origin"));
    assert!(config.bootstrap_admin_password.is_none());
}

#[test]
fn an_empty_key_is_a_deployment_that_lost_its_secret() {
    assert_eq!(
        faults(&env(&[("JWT_SECRET_KEY", "")])),
        ["JWT_SECRET_KEY (from environment JWT_SECRET_KEY): is empty: give it a value, or take the name out"]
    );
}

#[test]
fn unknown_names_are_told_with_the_nearest_known_one() {
    let sources = Sources {
        dotenv: Some("CLAUDETOOLS_HOTS=x\nHOTS=x\n".to_owned()),
        file: Some(("claudetools.toml".to_owned(), "log_fromat = \"json\"\n".to_owned())),
        ..env(&[("CLAUDETOOLS_WORKER", "1"), ("RATE_LIMIT_PER_SECOND", "5"), ("WORKER", "1")])
    };
    assert_eq!(
        faults(&sources),
        [
            "CLAUDETOOLS_WORKER (from environment CLAUDETOOLS_WORKER): is not a setting; the nearest one is \
         CLAUDETOOLS_WORKERS",
            "CLAUDETOOLS_HOTS (from .env CLAUDETOOLS_HOTS): is not a setting; the nearest one is CLAUDETOOLS_HOST",
            "log_fromat (from claudetools.toml log_fromat): is not a setting; the nearest one is log_format",
        ]
    );
}

#[test]
fn all_faults_are_reported_at_once() {
    let sources = Sources {
        file: Some(("claudetools.toml".to_owned(), "access_token_expire_minutes = 1441\n".to_owned())),
        ..env(&[
            ("PORT", "65536"),
            ("HOST", "0.0.0.0"),
            ("JWT_SECRET_KEY", "c2hvcnQ="),
            ("DATABASE_URL", "oracle://u:geheim@db/x"),
        ])
    };
    let all = faults(&sources);
    assert_eq!(all.len(), 5, "{all:#?}");
    assert!(
        all.contains(&"PORT (from environment PORT): must be a whole number from 0 to 65535, not \"65536\"".to_owned())
    );
    assert!(all.iter().any(|fault| fault.starts_with("ACCESS_TOKEN_EXPIRE_MINUTES (from claudetools.toml")));
    assert!(all.iter().any(|fault| fault.starts_with("HOST (from environment HOST): 0.0.0.0 can be reached")));
    assert!(!all.concat().contains("geheim") && !all.concat().contains("c2hvcnQ"));
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other_fault() {
    let mut sources = Sources::of_process(Some(Path::new("/absent/claudetools.toml")));
    sources.environment = env(&[("PORT", "x")]).environment;
    let all = faults(&sources);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(all[0].starts_with("/absent/claudetools.toml: cannot be read"), "{}", all[0]);
}

#[test]
fn another_address_than_loopback_needs_tls_or_a_proxy() {
    for host in ["0.0.0.0", "::", "192.168.1.5"] {
        assert_eq!(faults(&env(&[("HOST", host)])).len(), 1, "{host}");
        assert!(config(&[("HOST", host), ("BEHIND_TLS_PROXY", "true")]).serves_tls());
        assert!(config(&[("HOST", host), ("TLS_CERT_FILE", "c"), ("TLS_KEY_FILE", "k")]).serves_tls());
    }
    assert!(!config(&[("HOST", "::1")]).serves_tls());
}

#[test]
fn certificate_and_key_come_together() {
    let all = faults(&env(&[("TLS_CERT_FILE", "c"), ("HOST", "0.0.0.0")]));
    assert_eq!(all, ["TLS_KEY_FILE (not given): must be given too, since TLS_CERT_FILE is"]);
    assert!(faults(&env(&[("TLS_KEY_FILE", "k")]))[0].starts_with("TLS_CERT_FILE"));
}

#[test]
fn counting_in_redis_needs_to_know_where_it_is() {
    assert_eq!(
        faults(&env(&[("RATE_LIMIT_BACKEND", "redis")])),
        ["RATE_LIMIT_REDIS_URL (not given): must be given, since RATE_LIMIT_BACKEND is redis"]
    );
    let given = [("RATE_LIMIT_BACKEND", "redis"), ("RATE_LIMIT_REDIS_URL", "redis://u:geheim@cache:7000/2")];
    let loaded = load(&env(&given)).unwrap();
    assert_eq!(loaded.config.rate_limit_redis_url.as_ref().unwrap().to_string(), "cache:7000");
    let shown = format!("{}{loaded:?}", render::effective(&loaded.effective));
    assert!(shown.contains("redis://********@cache:7000/2") && !shown.contains("geheim"), "{shown}");
    let all = faults(&env(&[("RATE_LIMIT_REDIS_URL", "http://u:geheim@cache")]));
    assert!(all.len() == 1 && all[0].contains("must be redis://") && !all[0].contains("geheim"), "{all:?}");
}

#[test]
fn limits_have_their_defaults_and_may_be_switched_off() {
    let limits = |config: Config| {
        (config.rate_limit_per_minute, config.rate_limit_per_hour, config.rate_limit_decrypt_per_minute)
    };
    assert_eq!(limits(config(&[])), (100, 1000, 20));
    let off = [("RATE_LIMIT_PER_MINUTE", "0"), ("RATE_LIMIT_PER_HOUR", "0"), ("RATE_LIMIT_DECRYPT_PER_MINUTE", "0")];
    assert_eq!(limits(config(&off)), (0, 0, 0));
    assert_eq!(faults(&env(&[("RATE_LIMIT_PER_MINUTE", "-1"), ("RATE_LIMIT_BACKEND", "disk")])).len(), 2);
}

#[test]
fn a_key_must_fit_the_algorithm() {
    let long = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
    assert!(config(&[("JWT_SECRET_KEY", KEY), ("JWT_ALGORITHM", "EdDSA")]).jwt_secret_key.is_some());
    assert!(config(&[("JWT_SECRET_KEY", long), ("JWT_ALGORITHM", "HS512")]).jwt_secret_key.is_some());
    let all = faults(&env(&[
        ("JWT_SECRET_KEY", long),
        ("JWT_VERIFICATION_KEYS", &format!("{KEY},{long}")),
        ("JWT_ALGORITHM", "EdDSA"),
    ]));
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(all.iter().all(|fault| fault.contains("PKCS#8")));
}

#[test]
fn nothing_of_a_secret_is_ever_shown() {
    let previous = KEY.replace('Q', "R");
    let loaded = load(&env(&[
        ("JWT_SECRET_KEY", KEY),
        ("JWT_VERIFICATION_KEYS", &previous),
        ("BOOTSTRAP_ADMIN_PASSWORD", "correct horse battery"),
    ]))
    .unwrap();
    let shown = format!("{}{loaded:?}", render::effective(&loaded.effective));
    for secret in [KEY, &previous, "correct horse battery", "horse", "AAAA", "RUFB"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert_eq!(shown.matches("********  ").count(), 3, "{shown}");
}

#[test]
fn the_effective_configuration_names_value_and_origin() {
    let loaded = load(&env(&[("PORT", "9")])).unwrap();
    let text = render::effective(&loaded.effective);
    let line = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("PORT"), "PORT 9 environment PORT");
    assert_eq!(line("TLS_CERT_FILE"), "TLS_CERT_FILE (none) default");
    assert_eq!(text.lines().count(), SETTINGS.len());
}

#[test]
fn the_table_is_orderly() {
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
    for setting in SETTINGS {
        assert!(setting.name.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{}", setting.name);
        assert!(setting.description.trim().ends_with('.'), "{}", setting.name);
    }
}
