//! Which window decides, what is shown of it, and what counts: the same wherever the counters are.

use claudetools_kernel::{Allowance, LimitClass, LimitKey, RateLimiter};
use claudetools_limiter::Budgets;

use crate::place::{BUDGETS, Kind, Place, key};

/// One test per rule and kind, named `<kind>::<rule>`.
macro_rules! on_every_kind {
    ($($rule:ident),+ $(,)?) => {
        on_every_kind!(@kind memory, Kind::Memory, $($rule),+);
        on_every_kind!(@kind redis, Kind::Redis, $($rule),+);
    };
    (@kind $name:ident, $kind:expr, $($rule:ident),+) => {
        mod $name {
            use super::Kind;
            $(#[tokio::test]
            async fn $rule() {
                super::$rule($kind).await;
            })+
        }
    };
}

on_every_kind! {
    the_window_nearest_to_its_end_is_shown_and_a_refusal_tells_how_long_to_wait,
    a_refused_request_spends_nothing_of_the_other_windows,
    reading_secrets_has_a_stricter_budget_and_spends_the_common_one_too,
    failed_authentications_of_agents_are_twenty_a_minute_whatever_is_configured,
    a_budget_of_nought_switches_its_window_off,
}

async fn take(limiter: &dyn RateLimiter, class: LimitClass, key: LimitKey) -> (bool, Allowance) {
    let verdict = limiter.take(class, key).await.expect("an answer").expect("a limit");
    (verdict.is_passed(), *verdict.allowance())
}

async fn passes(limiter: &dyn RateLimiter, class: LimitClass, key: LimitKey, times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        passed += usize::from(take(limiter, class, key).await.0);
    }
    passed
}

async fn the_window_nearest_to_its_end_is_shown_and_a_refusal_tells_how_long_to_wait(kind: Kind) {
    let budgets = Budgets { per_minute: 3, per_hour: 5, decrypts_per_minute: 2 };
    let place = Place::of(kind, budgets).await;
    let limiter = place.limiter(budgets).await;
    let shown = async || {
        let (passed, allowance) = take(&*limiter, LimitClass::Token, key(1)).await;
        (passed, allowance.limit, allowance.remaining)
    };
    for remaining in [2, 1, 0] {
        assert_eq!(shown().await, (true, 3, remaining));
    }
    let (passed, allowance) = take(&*limiter, LimitClass::Token, key(1)).await;
    assert_eq!((passed, allowance.limit, allowance.remaining), (false, 3, 0));
    assert!((1..=60).contains(&allowance.resets_in_seconds), "{allowance:?}");

    place.pass(61).await;
    assert_eq!(shown().await, (true, 5, 1), "the hour has less left than the new minute");
    assert_eq!(shown().await, (true, 5, 0));
    let (passed, allowance) = take(&*limiter, LimitClass::Token, key(1)).await;
    assert_eq!((passed, allowance.limit), (false, 5), "refused by the hour");
    assert!((3000..3600).contains(&allowance.resets_in_seconds), "{allowance:?}");

    assert_eq!(passes(&*limiter, LimitClass::Token, key(2), 9).await, 3, "another key has its own budget");
    place.pass(3600).await;
    assert_eq!(passes(&*limiter, LimitClass::Token, key(1), 9).await, 3, "a new hour");
    place.clear().await;
}

async fn a_refused_request_spends_nothing_of_the_other_windows(kind: Kind) {
    let budgets = Budgets { per_minute: 2, per_hour: 4, decrypts_per_minute: 1 };
    let place = Place::of(kind, budgets).await;
    let limiter = place.limiter(budgets).await;
    assert_eq!(passes(&*limiter, LimitClass::Token, key(1), 50).await, 2);
    place.pass(61).await;
    assert_eq!(passes(&*limiter, LimitClass::Token, key(1), 50).await, 2, "the refused ones left the hour alone");
    place.clear().await;
}

async fn reading_secrets_has_a_stricter_budget_and_spends_the_common_one_too(kind: Kind) {
    let place = Place::of(kind, BUDGETS).await;
    let limiter = place.limiter(BUDGETS).await;
    assert_eq!(passes(&*limiter, LimitClass::Decrypt, key(1), 30).await, 20);
    let (passed, allowance) = take(&*limiter, LimitClass::Token, key(1)).await;
    assert_eq!((passed, allowance.limit, allowance.remaining), (true, 100, 79), "20 decrypts and this one");
    assert_eq!(passes(&*limiter, LimitClass::Token, key(1), 100).await, 79);
    place.pass(61).await;
    assert_eq!(passes(&*limiter, LimitClass::Decrypt, key(1), 30).await, 20, "a new minute");
    place.clear().await;
}

async fn failed_authentications_of_agents_are_twenty_a_minute_whatever_is_configured(kind: Kind) {
    let off = Budgets { per_minute: 0, per_hour: 0, decrypts_per_minute: 0 };
    let place = Place::of(kind, off).await;
    let limiter = place.limiter(off).await;
    let class = LimitClass::AgentAuthentication;
    for _ in 0..50 {
        let seen = limiter.look(class, key(1)).await.expect("an answer").expect("a limit");
        assert_eq!((seen.is_passed(), seen.allowance().remaining), (true, 20), "a look counts nothing");
    }
    assert_eq!(passes(&*limiter, class, key(1), 30).await, 20);
    let seen = limiter.look(class, key(1)).await.expect("an answer").expect("a limit");
    assert!(!seen.is_passed(), "a look sees that it is used up");
    place.clear().await;
}

async fn a_budget_of_nought_switches_its_window_off(kind: Kind) {
    let all_off = Budgets { per_minute: 0, per_hour: 0, decrypts_per_minute: 0 };
    let place = Place::of(kind, all_off).await;
    let limiter = place.limiter(all_off).await;
    for class in [LimitClass::Token, LimitClass::Address, LimitClass::Decrypt] {
        assert_eq!(limiter.take(class, key(1)).await, Ok(None), "{class}");
    }
    place.clear().await;
    let no_minute = Budgets { per_minute: 0, per_hour: 5, decrypts_per_minute: 3 };
    let place = Place::of(kind, no_minute).await;
    let limiter = place.limiter(no_minute).await;
    assert_eq!(passes(&*limiter, LimitClass::Decrypt, key(1), 9).await, 3);
    assert_eq!(passes(&*limiter, LimitClass::Token, key(1), 9).await, 2);
    place.clear().await;
}
