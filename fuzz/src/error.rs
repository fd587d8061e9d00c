//! Stands for the HTTP adapter's own error, which its query parser answers with.

use claudetools_kernel::Error;

#[derive(Debug)]
pub(crate) struct ApiError;

impl From<Error> for ApiError {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<ApiError> for actix_web::Error {
    fn from(_: ApiError) -> Self {
        actix_web::error::ErrorBadRequest("refused")
    }
}
