//! Failed log-ins.

use async_trait::async_trait;
use claudetools_identity::{ThrottleState, ports::LoginThrottleRepository};
use claudetools_kernel::{StoreError, Stored, Timestamp};

use crate::store::MemoryTx;

#[async_trait]
impl LoginThrottleRepository for MemoryTx {
    async fn lookup(&mut self, key: &str) -> Stored<Option<ThrottleState>> {
        Ok(self.state.login_throttle.get(key).cloned())
    }

    async fn lock(&mut self, key: &str) -> Stored<Option<ThrottleState>> {
        Ok(self.state.login_throttle.get(key).cloned())
    }

    async fn add(&mut self, state: &ThrottleState) -> Stored<()> {
        if self.state.login_throttle.contains_key(&state.key) {
            return Err(StoreError::Constraint("key".to_owned()));
        }
        self.state.login_throttle.insert(state.key.clone(), state.clone());
        Ok(())
    }

    async fn save(&mut self, state: &ThrottleState, previous_revision: i64) -> Stored<()> {
        match self.state.login_throttle.get_mut(&state.key) {
            Some(kept) if kept.revision == previous_revision => {
                *kept = state.clone();
                Ok(())
            }
            _ => Err(StoreError::Contention("the row was changed or removed since it was read".to_owned())),
        }
    }

    async fn clear(&mut self, key: &str) -> Stored<()> {
        self.state.login_throttle.remove(key);
        Ok(())
    }

    async fn remove_idle(&mut self, before: Timestamp) -> Stored<u64> {
        let kept = self.state.login_throttle.len();
        self.state.login_throttle.retain(|_, state| state.updated_at >= before);
        Ok((kept - self.state.login_throttle.len()) as u64)
    }
}
