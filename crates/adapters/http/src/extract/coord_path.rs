//! The paths of components and of the projects of coordination.

use claudetools_coord::{ComponentKey, ResourcePath, project_key};
use claudetools_kernel::{Error, Faults};
use serde::{Deserialize, Deserializer, de};
use utoipa::IntoParams;

use crate::wire::{ComponentName, CoordKey};

/// The parts of a component's path. A project key may hold a slash, as it is or as `%2F`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ComponentPath {
    /// One segment or two: `gururmm`, `clients/acme`.
    #[param(inline, value_type = CoordKey, example = "clients/acme")]
    project_key: String,
    #[param(inline, value_type = ComponentName, example = "dns")]
    component: String,
}

impl TryFrom<ComponentPath> for ComponentKey {
    type Error = Error;

    fn try_from(path: ComponentPath) -> Result<Self, Error> {
        Self::new(&path.project_key, &path.component)
    }
}

/// The part of a project's path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProjectPath {
    /// One segment or two: `gururmm`, `clients/acme`.
    #[param(inline, value_type = CoordKey, example = "clients/acme")]
    project_key: String,
}

/// The key of a project, found right.
pub(crate) struct ProjectKey(pub(crate) String);

impl TryFrom<ProjectPath> for ProjectKey {
    type Error = Error;

    fn try_from(path: ProjectPath) -> Result<Self, Error> {
        let mut faults = Faults::default();
        let key = project_key(&mut faults, "project_key", &path.project_key);
        faults.finish()?;
        Ok(Self(key.unwrap_or_default()))
    }
}

/// A path in a query.
#[derive(Debug)]
pub(crate) struct Covered(pub(crate) ResourcePath);

impl<'de> Deserialize<'de> for Covered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, mut faults) = (String::deserialize(deserializer)?, Faults::default());
        let path = ResourcePath::parse(&mut faults, "it", &text);
        path.map(Self).ok_or_else(|| de::Error::custom(&faults))
    }
}
