//! The bare peers: what actix-web and a database driver can do with nothing in between. They read the same rows with the
//! same statements and answer the same JSON as our server; before anything is measured the answers are compared.
//!
//! Left out is what a product needs and a bare server has not: audit log, idempotency keys, conditional requests, error
//! bodies, limits. Kept is the check of the access token, by the very code of ours, so that the ratio tells of storage.

mod group;
pub(crate) mod lockers;
mod sqlite;
mod sqlx_store;
mod view;

use std::{net::Ipv4Addr, process::Command};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse, HttpServer,
    dev::Payload,
    error::{ErrorBadRequest, ErrorInternalServerError, ErrorNotFound, ErrorUnauthorized},
    http::header::{AUTHORIZATION, LOCATION},
    web,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::NaiveDate;
use claudetools_crypto::{JwtAlgorithm, JwtKeys, JwtTokens, SystemClock};
use claudetools_identity::{Secret, ports::TokenSigner};
use claudetools_kernel::Clock;
use serde::{Deserialize, Serialize};
use sqlx::{MySql, Postgres};
use uuid::Uuid;

use self::{
    group::GroupWriter,
    sqlite::SqliteStore,
    sqlx_store::SqlxStore,
    view::{Detail, NewSession, Row},
};
use crate::{
    data::Engine,
    failure::{Failure, Result},
    server::{JWT_KEY, JWT_NAME},
};

/// What a peer's handler can fail with, as text for whoever reads the bench's output.
type Answer<T> = std::result::Result<T, String>;

/// Which peer to be.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// What it reads with.
    #[arg(long, value_enum)]
    engine: Engine,
    /// The database, as our server would be given it.
    #[arg(long)]
    url: String,
    #[arg(long)]
    port: u16,
    /// Whether writes that wait share a commit.
    #[arg(long)]
    group_commit: bool,
}

/// Where the rows are.
enum Store {
    Sqlite { store: SqliteStore, group: Option<GroupWriter> },
    Mariadb(SqlxStore<MySql>),
    Postgres(SqlxStore<Postgres>),
}

/// The place behind which a page begins.
#[derive(Debug, Clone, Copy)]
struct Place {
    day: NaiveDate,
    id: Uuid,
}

struct Peer {
    store: Store,
    tokens: JwtTokens,
}

/// Serves until the process is told to end.
pub(crate) async fn serve(options: Options) -> Result<()> {
    let keys = JwtKeys::new(JwtAlgorithm::Hs256, &Secret::new(JWT_KEY.to_owned()), &[]);
    let keys = keys.map_err(|(_, error)| Failure::Server(format!("the peer's key {error}")))?;
    let store = match options.engine {
        Engine::Sqlite => {
            let store = SqliteStore::new(options.url.trim_start_matches("sqlite://"))?;
            let group = options.group_commit.then(|| GroupWriter::start(&store)).transpose()?;
            Store::Sqlite { store, group }
        }
        Engine::Mariadb => Store::Mariadb(SqlxStore::connect(&options.url).await?),
        Engine::Postgres => Store::Postgres(SqlxStore::connect(&options.url).await?),
    };
    let peer = web::Data::new(Peer { store, tokens: JwtTokens::new(keys, JWT_NAME, JWT_NAME) });
    let app = move || {
        App::new()
            .app_data(peer.clone())
            .route("/health", web::get().to(HttpResponse::Ok))
            .route("/api/v1/sessions", web::get().to(list))
            .route("/api/v1/sessions", web::post().to(create))
            .route("/api/v1/sessions/{id}", web::get().to(by_id))
    };
    Ok(HttpServer::new(app).bind((Ipv4Addr::LOCALHOST, options.port))?.run().await?)
}

/// Proof that the request bears a good token; whom it names.
struct Caller(String);

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = std::future::Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let peer = request.app_data::<web::Data<Peer>>();
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let claims = peer.zip(token).and_then(|(peer, token)| peer.tokens.verify(token, SystemClock.now()).ok());
        std::future::ready(claims.map(|claims| Self(claims.sub)).ok_or_else(|| ErrorUnauthorized("no good token")))
    }
}

#[derive(Debug, Deserialize)]
struct PageQuery {
    #[serde(default = "usual_limit")]
    limit: u32,
    cursor: Option<String>,
}

const fn usual_limit() -> u32 {
    50
}

/// The cursors of our server.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    s: String,
    k: Key,
    i: Uuid,
}

#[derive(Debug, Serialize, Deserialize)]
struct Key {
    d: NaiveDate,
}

#[derive(Debug, Serialize)]
struct Page {
    sessions: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    next_cursor: Option<String>,
}

async fn by_id(_: Caller, peer: web::Data<Peer>, id: web::Path<Uuid>) -> actix_web::Result<HttpResponse> {
    let id = id.into_inner();
    let detail = match &peer.store {
        Store::Sqlite { store, .. } => store.by_id(id).await,
        Store::Mariadb(store) => store.by_id(id).await,
        Store::Postgres(store) => store.by_id(id).await,
    };
    let detail = detail.map_err(ErrorInternalServerError)?.ok_or_else(|| ErrorNotFound("no such session"))?;
    Ok(HttpResponse::Ok().json(detail))
}

async fn list(_: Caller, peer: web::Data<Peer>, query: web::Query<PageQuery>) -> actix_web::Result<HttpResponse> {
    let PageQuery { limit, cursor } = query.into_inner();
    let place =
        cursor.as_deref().map(|text| decode(text).ok_or_else(|| ErrorBadRequest("no such cursor"))).transpose()?;
    let (mut sessions, total) = match &peer.store {
        Store::Sqlite { store, .. } => store.page(limit + 1, place).await,
        Store::Mariadb(store) => store.page(limit + 1, place).await,
        Store::Postgres(store) => store.page(limit + 1, place).await,
    }
    .map_err(ErrorInternalServerError)?;
    let is_last = sessions.len() <= limit as usize;
    sessions.truncate(limit as usize);
    let next_cursor = sessions.last().filter(|_| !is_last).map(encode);
    let offset = place.is_none().then_some(0);
    Ok(HttpResponse::Ok().json(Page { sessions, total, limit, offset, next_cursor }))
}

async fn create(caller: Caller, peer: web::Data<Peer>, body: web::Json<NewSession>) -> actix_web::Result<HttpResponse> {
    let new = body.into_inner().by(caller.0, SystemClock.now());
    let made: Answer<Detail> = match &peer.store {
        Store::Sqlite { group: Some(group), .. } => group.create(new).await,
        Store::Sqlite { store, .. } => store.create(new).await,
        Store::Mariadb(_) | Store::Postgres(_) => Err("the bare peers write on SQLite alone".to_owned()),
    };
    let made = made.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("/api/v1/sessions/{}", made.row.id))).json(made))
}

fn decode(text: &str) -> Option<Place> {
    let cursor: Cursor = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    Some(Place { day: cursor.k.d, id: cursor.i })
}

fn encode(last: &Row) -> String {
    let cursor = Cursor { s: "-session_date".to_owned(), k: Key { d: last.session_date }, i: last.id };
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

/// The command that starts a peer: this program once more. `--port` is still to be added.
pub(crate) fn command(engine: Engine, url: &str, group_commit: bool) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["peer", "--engine", engine.name(), "--url", url]);
    if group_commit {
        command.arg("--group-commit");
    }
    Ok(command)
}
