//! A Redis that is not there, goes away, hangs or comes back.

use std::time::Duration;

use claudetools_kernel::{LimitClass, RateLimiter};
use claudetools_limiter::{Budgets, RedisLimiter, RedisOptions, RedisUrl};
use claudetools_testkit::{Way, redis_url};
use tokio::net::TcpListener;

use crate::place::{BUDGETS, Place, connect, key, options};

async fn eventually(what: &str, mut probe: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if probe().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come about within ten seconds");
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_told_at_once_by_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = RedisUrl::parse(&format!("redis://u:geheim@{address}/1")).expect("a URL");
    let refused = RedisLimiter::connect(url, options("x:"), BUDGETS).await.expect_err("nobody is there").to_string();
    assert!(refused.contains(&address.to_string()) && !refused.contains("geheim"), "{refused}");
}

#[tokio::test]
async fn one_that_does_not_answer_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = RedisUrl::parse(&format!("redis://{}", listener.local_addr().expect("an address"))).expect("a URL");
    let refused = RedisLimiter::connect(url, options("x:"), BUDGETS).await.expect_err("it says nothing").to_string();
    assert!(refused.contains("in time"), "{refused}");
}

mod redis {
    use super::*;

    #[tokio::test]
    async fn one_that_answers_but_cannot_count_is_refused() {
        let url = redis_url();
        // There is no database of this number: the handshake fails, as it does with a wrong password.
        let base = url.rsplit_once('/').filter(|(base, _)| !base.ends_with('/')).map_or(url.as_str(), |(base, _)| base);
        let url = RedisUrl::parse(&format!("{base}/99999")).expect("a URL");
        assert!(RedisLimiter::connect(url, options("x:"), BUDGETS).await.is_err());
    }

    #[tokio::test]
    async fn a_lost_connection_is_told_and_made_again() {
        let mut way = Way::to_redis().await;
        let place = Place::redis().await;
        let limiter = connect(&way.url(), place.prefix(), BUDGETS).await;
        let take = async || limiter.take(LimitClass::Token, key(1)).await;
        assert!(take().await.is_ok());
        assert_eq!(limiter.probe().await, Ok(()));

        way.cut().await;
        assert!(take().await.is_err());
        assert!(limiter.probe().await.is_err());

        way.mend().await;
        eventually("counting again", async || take().await.is_ok()).await;
        let verdict = take().await.expect("an answer").expect("a limit");
        assert_eq!(verdict.allowance().remaining, 97, "what was counted before is not forgotten");
        assert_eq!(limiter.probe().await, Ok(()));
        place.clear().await;
    }

    #[tokio::test]
    async fn a_connection_that_hangs_is_given_up_and_only_who_waited_on_it_has_waited() {
        let way = Way::to_redis().await;
        let place = Place::redis().await;
        let url = RedisUrl::parse(&way.url()).expect("a URL");
        let patience = Duration::from_millis(150);
        let options = RedisOptions { patience, ..options(place.prefix()) };
        let limiter = RedisLimiter::connect(url, options, BUDGETS).await.expect("a Redis");
        way.block();
        let error = limiter.take(LimitClass::Token, key(1)).await.expect_err("it hangs");
        assert!(error.to_string().contains("in time"), "{error}");
        // From now on nobody waits: a thousand requests that waited would take more than two minutes.
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            assert!(limiter.take(LimitClass::Token, key(1)).await.is_err());
        }
        assert!(start.elapsed() < Duration::from_mins(1), "they waited: {:?}", start.elapsed());
        way.unblock();
        eventually("counting again", async || limiter.take(LimitClass::Token, key(1)).await.is_ok()).await;
        place.clear().await;
    }

    #[tokio::test]
    async fn counters_go_when_their_last_window_ends() {
        let place = Place::redis().await;
        let take = async |budgets, class, number| {
            let limiter = place.limiter(budgets).await;
            assert!(limiter.take(class, key(number)).await.is_ok());
        };
        let minute_only = Budgets { per_hour: 0, ..BUDGETS };
        take(BUDGETS, LimitClass::Decrypt, 1).await;
        take(minute_only, LimitClass::Token, 2).await;
        // A shorter window that is counted later does not shorten the life of a longer one.
        take(minute_only, LimitClass::Token, 1).await;
        for (number, least, most) in [(1, 3_500_000, 3_600_000), (2, 50_000, 60_000)] {
            let left = place.life_of(key(number)).await;
            assert!((least..=most).contains(&left), "key {number} lives {left} ms");
        }
        place.clear().await;
    }
}
