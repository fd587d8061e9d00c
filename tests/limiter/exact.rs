//! Of any number of requests at once exactly as many pass as the budget has left.

use std::sync::{Arc, Barrier};

use claudetools_kernel::{LimitClass, RateLimiter};
use tokio::runtime::Handle;

use crate::place::{BUDGETS, Place, key};

/// How many of `threads` times `each` requests pass, made at once over as many limiters as there are threads.
fn passed_at_once(runtime: &Handle, limiters: &[Arc<dyn RateLimiter>], class: LimitClass, each: usize) -> usize {
    let start = Barrier::new(limiters.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = limiters
            .iter()
            .map(|limiter| {
                scope.spawn(|| {
                    start.wait();
                    let take = || runtime.block_on(limiter.take(class, key(7))).expect("an answer").expect("a limit");
                    (0..each).filter(|_| take().is_passed()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that does not panic")).sum()
    })
}

async fn count(limiters: Vec<Arc<dyn RateLimiter>>, class: LimitClass) -> usize {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || passed_at_once(&runtime, &limiters, class, 50)).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_threads_in_one_process_share_one_budget_exactly() {
    for (class, budget) in [(LimitClass::Token, 100), (LimitClass::Decrypt, 20), (LimitClass::AgentAuthentication, 20)]
    {
        let place = Place::memory(BUDGETS);
        let limiter = place.limiter(BUDGETS).await;
        let limiters: Vec<_> = std::iter::repeat_n(limiter, 16).collect();
        let passed = count(limiters, class).await;
        assert_eq!(passed, budget, "{class}: of 800");
        place.pass(61).await;
        let limiter = place.limiter(BUDGETS).await;
        let limiters: Vec<_> = std::iter::repeat_n(limiter, 16).collect();
        let left = if class == LimitClass::Token { 50 } else { budget };
        let passed = count(limiters, class).await;
        assert_eq!(passed, left, "{class}: in the next minute, bounded by the hour");
    }
}

mod redis {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn replicas_share_one_budget_exactly() {
        for (class, budget) in
            [(LimitClass::Token, 100), (LimitClass::Decrypt, 20), (LimitClass::AgentAuthentication, 20)]
        {
            let place = Place::redis().await;
            let mut limiters = Vec::new();
            for _ in 0..8 {
                limiters.push(place.limiter(BUDGETS).await);
            }
            let passed = count(limiters, class).await;
            assert_eq!(passed, budget, "{class}: of 400 over 8 connections");
            place.clear().await;
        }
    }
}
