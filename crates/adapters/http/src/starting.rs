//! What answers between the taking of the address and the moment when the service is complete: a migration may take long.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    web::{self, Data},
};
use claudetools_kernel::{Clock, IdGenerator};

use crate::{
    app::HttpOptions,
    envelope::{set_headers, with_error_body},
    error::{self, Problem},
    extract::RequestInfo,
    probe,
};

/// How long a client is asked to wait, in seconds.
const RETRY_SECONDS: u64 = 2;

/// What the answers need while there is nothing else yet.
pub struct Starting {
    /// Behaviour towards the outside.
    pub options: HttpOptions,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl fmt::Debug for Starting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Mounts the probes, which say how it stands, and 503 for everything else.
pub fn mount_starting(config: &mut web::ServiceConfig, starting: &Data<Starting>) {
    config.app_data(starting.clone()).default_service(web::to(answer));
}

async fn answer(request: HttpRequest, starting: Data<Starting>) -> HttpResponse {
    let Starting { options, clock, ids } = &**starting;
    let info = RequestInfo::new(&request, &options.trusted_proxies, &**ids, &**clock);
    let answer = probe::while_starting(&info.path, clock.now()).unwrap_or_else(|| {
        let problem = Problem::new("SERVICE_UNAVAILABLE", "the service is starting; try again");
        Ok(error::response(problem.retry_after(RETRY_SECONDS)))
    });
    let response = answer.unwrap_or_else(|error| error.error_response());
    let mut response = with_error_body(response, &info, clock.now());
    set_headers(&mut response, &info, options);
    response
}
