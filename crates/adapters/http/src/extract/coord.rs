//! Who calls in coordination.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use claudetools_coord::Party;

use super::caller::{Call, Caller, Need};
use crate::error::ApiError;

/// A call in coordination by somebody who may do what needs the scope `S`.
pub(crate) struct CoordCaller<S> {
    caller: Caller<S>,
    party: Party,
}

impl<S> Deref for CoordCaller<S> {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.caller
    }
}

impl<S: Need> FromRequest for CoordCaller<S> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let _: PhantomData<S> = PhantomData;
        let caller = Caller::<S>::from_request(request, payload).into_inner();
        ready(caller.map(|caller| Self { party: Party::Known(caller.actor().clone()), caller }))
    }
}

impl<S> CoordCaller<S> {
    /// Who calls.
    pub(crate) fn party(&self) -> &Party {
        &self.party
    }
}
