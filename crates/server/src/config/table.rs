//! The table of settings. Reading, `config check`, the search for misspelt names, `docs/configuration.md` and
//! `deploy/claudetools.example.toml` are all made from it; a new setting is one entry here.

use std::net::IpAddr;
use std::path::PathBuf;

use claudetools_crypto::KeyRing;
use ipnet::IpNet;

use super::parse;
use super::resolve::Resolved;
use super::setting::{Empty, Fallback, Secrecy, Setting};
use super::value::{CoordAuth, DatabaseUrl, JwtAlgorithm, LogFormat, RateLimitBackend, RedisUrl};
use crate::secret::{KeyBytes, Password};

/// One entry: the description as a doc comment, the field, its name, type, parser, default, and what differs from an
/// open value whose empty text means "not given".
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident($name:literal): $type:ty = $parse:expr,
        default $fallback:expr $(, empty $empty:ident)? $(, shown $secrecy:ident)?;
    )+) => {
        /// The configuration as the server uses it.
        #[derive(Debug, Clone)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        /// Every setting of this version, in the order in which they are shown.
        pub static SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            description: concat!($($doc),+),
            fallback: $fallback,
            secrecy: [$(Secrecy::$secrecy,)? Secrecy::Open][0],
            empty: [$(Empty::$empty,)? Empty::Unset][0],
        }),+];

        /// What could be read so far: a fault in one setting does not hide the faults of others.
        #[derive(Debug)]
        pub(super) struct Draft {
            $(pub(super) $field: Option<$type>,)+
        }

        impl Draft {
            pub(super) fn read(resolved: &mut Resolved) -> Self {
                Self { $($field: resolved.read($name, $parse),)+ }
            }

            pub(super) fn complete(self) -> Option<Config> {
                Some(Config { $($field: self.$field?,)+ })
            }
        }
    };
}

settings! {
    /// The database: a file of `SQLite`, `sqlite://<path>`, which is made on first start; or a database on a server,
    /// `mysql://<user>:<password>@<host>:<port>/<database>` (`MariaDB` 10.6 or later, `MySQL` 8) or `postgres://…` (14 or
    /// later), which must exist. Several replicas need a server.
    database_url("DATABASE_URL"): DatabaseUrl = DatabaseUrl::parse,
    default Fallback::Computed {
        shown: "sqlite://<DATA_DIR>/claudetools.db",
        value: |_, data_dir| format!("sqlite://{}/claudetools.db", data_dir.trim_end_matches('/')),
    }, shown Url;

    /// How many connections to a database server this process keeps at the most, shared out evenly among `WORKERS` and the thread
    /// beside them. A file of `SQLite` has a fixed few.
    database_connections("DATABASE_CONNECTIONS"): u32 = |text| parse::number(text, 1..=1000),
    default Fallback::Fixed("16");

    /// How many milliseconds a statement waits for a lock that another one holds: on the file of `SQLite`, or on a row on a
    /// server (`MariaDB` and `MySQL` count whole seconds, rounded up).
    database_busy_timeout_ms("DATABASE_BUSY_TIMEOUT_MS"): u32 = |text| parse::number(text, 0..=60_000),
    default Fallback::Fixed("5000");

    /// The directory for what the server makes itself: the database unless `DATABASE_URL` says otherwise, the token
    /// keys, and the vault's master keys unless `MASTER_KEY_FILE` says otherwise.
    data_dir("DATA_DIR"): PathBuf = parse::file, default Fallback::Fixed("data");

    /// The address to listen on. Another than a loopback address needs TLS or `BEHIND_TLS_PROXY=true`.
    host("HOST"): IpAddr = parse::host, default Fallback::Fixed("127.0.0.1");

    /// The port to listen on; 0 takes a free one.
    port("PORT"): u16 = |text| parse::number(text, 0..=u16::MAX), default Fallback::Fixed("8000");

    /// The number of worker threads.
    workers("WORKERS"): usize = |text| parse::number(text, 1..=512),
    default Fallback::Computed { shown: "number of cores", value: |machine, _| machine.cores.min(512).to_string() };

    /// The certificate chain, PEM, leaf first. Together with `TLS_KEY_FILE` it makes the server speak TLS 1.2 and 1.3.
    tls_cert_file("TLS_CERT_FILE"): Option<PathBuf> = |text| parse::optional(text, parse::file),
    default Fallback::Fixed(""), empty Off;

    /// The private key of the certificate, PEM.
    tls_key_file("TLS_KEY_FILE"): Option<PathBuf> = |text| parse::optional(text, parse::file),
    default Fallback::Fixed(""), empty Off;

    /// Whether a proxy in front of the server speaks TLS to the clients. Only then may plain HTTP be served on another
    /// than a loopback address.
    behind_tls_proxy("BEHIND_TLS_PROXY"): bool = parse::switch, default Fallback::Fixed("false");

    /// The networks whose `X-Forwarded-For` is believed: IP addresses or CIDR, with commas between.
    trusted_proxies("TRUSTED_PROXIES"): Vec<IpNet> = parse::networks, default Fallback::Fixed(""), empty Off;

    /// The key that signs access tokens: base64 of at least 32 bytes; for `EdDSA` of a 32-byte seed or of PKCS#8. When
    /// it is not given, a key is made on first start in `<DATA_DIR>/jwt.keys`. Several replicas need the same one.
    jwt_secret_key("JWT_SECRET_KEY"): Option<KeyBytes> = |text| parse::optional(text, KeyBytes::from_base64),
    default Fallback::Fixed(""), empty Fault, shown Secret;

    /// Further keys whose tokens are still, or already, accepted: base64, with commas between. For the roll-over of a key.
    jwt_verification_keys("JWT_VERIFICATION_KEYS"): Vec<KeyBytes> = parse::keys,
    default Fallback::Fixed(""), empty Off, shown Secret;

    /// The vault's master keys: entries of an id, a colon and base64 of 32 bytes, with commas between, the one in force first.
    /// When they are not given, they are kept in `MASTER_KEY_FILE`. Several replicas need the same ones.
    master_keys("MASTER_KEYS"): Option<KeyRing> = |text| parse::optional(text, parse::key_ring),
    default Fallback::Fixed(""), empty Fault, shown Secret;

    /// The file of the vault's master keys, one entry of an id, a colon and base64 of 32 bytes a line, the one in force first. It
    /// is made on first start. Without these keys no credential can ever be read again: back them up, apart from the database.
    master_key_file("MASTER_KEY_FILE"): PathBuf = parse::file,
    default Fallback::Computed {
        shown: "<DATA_DIR>/master.keys",
        value: |_, data_dir| format!("{}/master.keys", data_dir.trim_end_matches('/')),
    };

    /// How access tokens are signed: `HS256`, `HS384`, `HS512` or `EdDSA`.
    jwt_algorithm("JWT_ALGORITHM"): JwtAlgorithm = parse::algorithm, default Fallback::Fixed("HS256");

    /// The issuer (`iss`) in access tokens; those of another are refused.
    jwt_issuer("JWT_ISSUER"): String = parse::claim, default Fallback::Fixed("claudetools");

    /// The audience (`aud`) in access tokens; those for another are refused.
    jwt_audience("JWT_AUDIENCE"): String = parse::claim, default Fallback::Fixed("claudetools");

    /// How many minutes an access token is valid, 1 to 1440.
    access_token_expire_minutes("ACCESS_TOKEN_EXPIRE_MINUTES"): u32 = |text| parse::number(text, 1..=1440),
    default Fallback::Fixed("60");

    /// The address of the admin account that is made when the database has no account.
    bootstrap_admin_email("BOOTSTRAP_ADMIN_EMAIL"): String = parse::email,
    default Fallback::Fixed("admin@claudetools.local");

    /// The password of that account, at least 12 characters. When it is not given, a random one is made and printed once.
    bootstrap_admin_password("BOOTSTRAP_ADMIN_PASSWORD"): Option<Password> =
        |text| parse::optional(text, parse::password),
    default Fallback::Fixed(""), shown Secret;

    /// Where requests are counted against their budgets: `memory`, each process for itself, or `redis`, all replicas together.
    rate_limit_backend("RATE_LIMIT_BACKEND"): RateLimitBackend = parse::rate_limit_backend,
    default Fallback::Fixed("memory");

    /// The Redis (5 or later) that replicas count in, `redis://[<user>:<password>@]<host>[:<port>][/<database>]`. It is tried
    /// on start.
    rate_limit_redis_url("RATE_LIMIT_REDIS_URL"): Option<RedisUrl> = |text| parse::optional(text, RedisUrl::parse),
    default Fallback::Fixed(""), empty Off, shown Url;

    /// What the names of all counters in Redis begin with. Installations that share a Redis need different ones.
    rate_limit_redis_prefix("RATE_LIMIT_REDIS_PREFIX"): String = parse::claim,
    default Fallback::Fixed("claudetools:limit:");

    /// How many milliseconds a request waits for Redis at the most. When it takes longer, requests pass uncounted until it
    /// answers again.
    rate_limit_redis_timeout_ms("RATE_LIMIT_REDIS_TIMEOUT_MS"): u32 = |text| parse::number(text, 1..=5000),
    default Fallback::Fixed("150");

    /// How many requests a token may make within a minute, and an address without an accepted token; 0 switches it off.
    rate_limit_per_minute("RATE_LIMIT_PER_MINUTE"): u32 = |text| parse::number(text, 0..=1_000_000_000),
    default Fallback::Fixed("100");

    /// The same within an hour.
    rate_limit_per_hour("RATE_LIMIT_PER_HOUR"): u32 = |text| parse::number(text, 0..=1_000_000_000),
    default Fallback::Fixed("1000");

    /// How many secrets may be read with a token within a minute; 0 switches it off.
    rate_limit_decrypt_per_minute("RATE_LIMIT_DECRYPT_PER_MINUTE"): u32 = |text| parse::number(text, 0..=1_000_000_000),
    default Fallback::Fixed("20");

    /// The web origins that may call the API from a browser, with commas between.
    cors_allowed_origins("CORS_ALLOWED_ORIGINS"): Vec<String> = parse::origins, default Fallback::Fixed(""), empty Off;

    /// The `X-Content-Type-Options` header of every response; an empty value switches it off.
    security_header_x_content_type_options("SECURITY_HEADER_X_CONTENT_TYPE_OPTIONS"): Option<String> =
        |text| parse::optional(text, parse::header),
    default Fallback::Fixed("nosniff"), empty Off;

    /// The `X-Frame-Options` header of every response; an empty value switches it off.
    security_header_x_frame_options("SECURITY_HEADER_X_FRAME_OPTIONS"): Option<String> =
        |text| parse::optional(text, parse::header),
    default Fallback::Fixed("DENY"), empty Off;

    /// The `Referrer-Policy` header of every response; an empty value switches it off.
    security_header_referrer_policy("SECURITY_HEADER_REFERRER_POLICY"): Option<String> =
        |text| parse::optional(text, parse::header),
    default Fallback::Fixed("strict-origin-when-cross-origin"), empty Off;

    /// The `Permissions-Policy` header of every response; off unless it is set.
    security_header_permissions_policy("SECURITY_HEADER_PERMISSIONS_POLICY"): Option<String> =
        |text| parse::optional(text, parse::header),
    default Fallback::Fixed(""), empty Off;

    /// After how many seconds a client that is still sending its headers or body is cut off.
    request_timeout_seconds("REQUEST_TIMEOUT_SECONDS"): u32 = |text| parse::number(text, 1..=3600),
    default Fallback::Fixed("30");

    /// How many seconds a connection may stay open between two requests. Behind a proxy: longer than the proxy keeps its
    /// connections to the server.
    keep_alive_seconds("KEEP_ALIVE_SECONDS"): u32 = |text| parse::number(text, 1..=3600),
    default Fallback::Fixed("75");

    /// How many seconds requests in flight have to finish once the server is told to stop.
    shutdown_timeout_seconds("SHUTDOWN_TIMEOUT_SECONDS"): u32 = |text| parse::number(text, 0..=600),
    default Fallback::Fixed("30");

    /// Who may call coordination (locks, messages, component states): `trusted-network`, which asks no token of callers in
    /// `COORD_TRUSTED_NETWORKS`, or `token`, which asks one of everybody.
    coord_auth("COORD_AUTH"): CoordAuth = parse::coord_auth, default Fallback::Fixed("trusted-network");

    /// The networks whose callers need no token for coordination, with commas between; by the peer's address, or by
    /// `X-Forwarded-For` behind `TRUSTED_PROXIES`. Behind a proxy, name it there: otherwise all callers seem to be the proxy.
    coord_trusted_networks("COORD_TRUSTED_NETWORKS"): Vec<IpNet> = parse::networks,
    default Fallback::Fixed("127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"), empty Off;

    /// Whether every request is recorded in the API audit log: on or off.
    api_audit_log("API_AUDIT_LOG"): bool = parse::switch, default Fallback::Fixed("on");

    /// How log lines look: `pretty` for people, `json` for log collectors.
    log_format("LOG_FORMAT"): LogFormat = parse::log_format,
    default Fallback::Computed {
        shown: "pretty on a terminal, else json",
        value: |machine, _| if machine.terminal { "pretty" } else { "json" }.to_owned(),
    };

    /// What is logged: a level, or directives such as `info,claudetools_http=debug`.
    rust_log("RUST_LOG"): String = parse::log_filter,
    default Fallback::Fixed("info,sqlx=warn,sea_orm=warn,sea_orm_migration=info");
}
