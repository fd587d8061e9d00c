//! Mounting handlers, with or without collecting their description.
//!
//! Both go through one walk over all routes, so that what is mounted is described. A server only mounts: the description is in
//! its binary (`fallback.rs`), for putting it together in every worker would cost time and memory at each start.

use actix_web::{dev::HttpServiceFactory, web};
use utoipa::openapi::{OpenApi, Paths, RefOr, Schema};
use utoipa_actix_web::OpenApiFactory;

use crate::fallback;

/// What handlers say of themselves, by their full paths.
#[derive(Default)]
pub(crate) struct Collected {
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Collected {
    /// What `routes` mounts.
    pub(crate) fn of(routes: impl FnOnce(&mut ServiceConfig<'_>)) -> Self {
        let mut collected = Self::default();
        let described = Some(&mut collected);
        let _app = actix_web::App::new()
            .configure(|server| routes(&mut ServiceConfig { server, described, prefix: String::new() }));
        collected
    }

    /// `document` with all of it.
    pub(crate) fn complete(self, mut document: OpenApi) -> OpenApi {
        document.paths.merge(self.paths);
        document.components.get_or_insert_default().schemas.extend(self.schemas);
        document
    }

    fn add(&mut self, prefix: &str, handler: &impl OpenApiFactory) {
        let mut paths = handler.paths();
        let prefixed = std::mem::take(&mut paths.paths).into_iter();
        paths.paths = prefixed.map(|(path, item)| (format!("{prefix}{path}"), item)).collect();
        self.paths.merge(paths);
        handler.schemas(&mut self.schemas);
    }
}

/// Where handlers are mounted.
pub(crate) struct ServiceConfig<'a> {
    server: &'a mut web::ServiceConfig,
    described: Option<&'a mut Collected>,
    prefix: String,
}

impl<'a> ServiceConfig<'a> {
    /// On a server alone.
    pub(crate) fn new(server: &'a mut web::ServiceConfig) -> Self {
        Self { server, described: None, prefix: String::new() }
    }

    /// Mounts a handler.
    pub(crate) fn service<F: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: F) -> &mut Self {
        if let Some(collected) = self.described.as_deref_mut() {
            collected.add(&self.prefix, &handler);
        }
        self.server.service(handler);
        self
    }

    /// Mounts what `routes` mounts.
    pub(crate) fn configure(&mut self, routes: impl FnOnce(&mut ServiceConfig<'_>)) -> &mut Self {
        let described = self.described.as_deref_mut();
        routes(&mut ServiceConfig { server: self.server, described, prefix: self.prefix.clone() });
        self
    }

    /// Mounts what `routes` mounts below `path`, with our own answer to what is not there.
    pub(crate) fn scope(&mut self, path: &str, routes: impl FnOnce(&mut ServiceConfig<'_>)) -> &mut Self {
        let (described, prefix) = (self.described.as_deref_mut(), format!("{}{path}", self.prefix));
        let scope = web::scope(path).configure(|server| routes(&mut ServiceConfig { server, described, prefix }));
        self.server.service(scope.default_service(web::to(fallback::not_found)));
        self
    }
}
