//! How many requests each window admits.

use claudetools_kernel::LimitClass;

use crate::window::Window;

/// Failed authentications of agents within a minute and from one network address.
const AGENT_AUTHENTICATIONS: u32 = 20;

/// How many requests a window admits; 0 switches it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// For a token, or for an address without one, within a minute.
    pub per_minute: u32,
    /// The same within an hour.
    pub per_hour: u32,
    /// Secrets read with a token within a minute.
    pub decrypts_per_minute: u32,
}

impl Budgets {
    /// The windows of a class that are on, with what they admit.
    pub(crate) fn plan(&self, class: LimitClass) -> impl Iterator<Item = (Window, u32)> + use<> {
        let request = [(Window::Minute, self.per_minute), (Window::Hour, self.per_hour)];
        let further = match class {
            LimitClass::Token | LimitClass::Address => None,
            LimitClass::Decrypt => Some((Window::DecryptMinute, self.decrypts_per_minute)),
            LimitClass::AgentAuthentication => Some((Window::AgentMinute, AGENT_AUTHENTICATIONS)),
        };
        // An agent's failure says nothing of how many requests its address makes.
        let request = (class != LimitClass::AgentAuthentication).then_some(request);
        request.into_iter().flatten().chain(further).filter(|(_, budget)| *budget > 0)
    }
}
