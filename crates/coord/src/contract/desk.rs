//! The suite of calls for locks as processes decide them, each with a desk and a clerk of its own over one storage.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::TimeDelta;
use claudetools_kernel::{
    Id, IdGenerator, Receipt, Replay, ReplayRecord, StoreError, StoredReply, Timestamp, UnitOfWork,
    contract::{audit_entry, uuid},
};
use futures::future::{Either, join_all, pending, select};
use uuid::Uuid;

use super::{Outcome, pass};
use crate::{
    Answer, Call, Clerk, Conflict, Context, Desk, Done, Event, EventKind, Lock, LockFields, LockMode, LockState,
    NoWitness, Party, Pause, PresenceFields, PresenceService, Refusal, Want, Witness, ports::CoordTx,
};

#[derive(Debug)]
struct Count(AtomicU64);

impl IdGenerator for Count {
    fn next(&self) -> Uuid {
        uuid(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Under a key, an answer that tells the token.
struct Keyed(&'static str, u128);

impl Witness for Keyed {
    fn key(&self) -> Option<(&str, &str)> {
        Some(("jo@example.com", self.0))
    }

    fn receipt(&self, done: &Done, now: Timestamp) -> Receipt {
        let Done::Granted(grant) = done else { return Receipt::default() };
        let body = grant.locks[0].token.to_string().into_bytes();
        let record = ReplayRecord {
            caller: "jo@example.com".to_owned(),
            key: self.0.to_owned(),
            fingerprint: [1; 32],
            reply: StoredReply { status: 201, location: None, etag: None, body },
            created_at: now,
            expires_at: now.plus(TimeDelta::hours(24)),
        };
        let audit = claudetools_kernel::AuditEntry { id: Uuid::from_u128(self.1), ..audit_entry() };
        Receipt { audit: Some(audit), replay: Some(Replay::Again(record)) }
    }
}

fn acquire(session: &str, resource: &str, mode: LockMode, wait: i64) -> Call {
    let fields = LockFields {
        resource: Some(resource.to_owned()),
        session_id: Some(session.to_owned()),
        mode: Some(mode),
        ttl_seconds: Some(60),
        ..LockFields::default()
    };
    Call::Acquire { want: Want::new(fields).expect("a wish"), wait: TimeDelta::seconds(wait) }
}

fn sole(session: &str, resource: &str, wait: i64) -> Call {
    acquire(session, resource, LockMode::Exclusive, wait)
}

async fn ask(desk: &Desk, call: Call) -> Answer {
    desk.submit(call, Box::new(NoWitness)).await.expect("an answer")
}

async fn granted(desk: &Desk, call: Call) -> Lock {
    match ask(desk, call).await {
        Answer::Done(Done::Granted(mut grant), _) => grant.locks.remove(0),
        other => panic!("not granted: {other:?}"),
    }
}

async fn refused(desk: &Desk, call: Call) -> Arc<Conflict> {
    match ask(desk, call).await {
        Answer::Refused(Refusal::Conflict(conflict), _) => conflict,
        other => panic!("not refused: {other:?}"),
    }
}

/// Two processes over one storage.
struct Case {
    store: Arc<dyn UnitOfWork<dyn CoordTx>>,
    pause: Arc<dyn Pause>,
    presence: PresenceService,
    one: Desk,
    two: Desk,
}

/// The rules of calls for locks.
///
/// # Panics
/// When a rule does not hold.
pub async fn desk(store: Arc<dyn UnitOfWork<dyn CoordTx>>, pause: Arc<dyn Pause>) -> Outcome {
    let context = Context { store: Arc::clone(&store), ids: Arc::new(Count(AtomicU64::new(1))) };
    let (one, first) = Clerk::new(context.clone(), Arc::clone(&pause));
    let (two, second) = Clerk::new(context.clone(), Arc::clone(&pause));
    let case = Case { store, pause, presence: PresenceService::new(context), one, two };
    let clerks = Box::pin(futures::future::join(first.serve(pending()), second.serve(pending())));
    match select(clerks, Box::pin(case.run())).await {
        Either::Right((outcome, _)) => outcome,
        Either::Left(_) => panic!("the clerks have gone"),
    }
}

impl Case {
    async fn run(&self) -> Outcome {
        self.grants_and_refuses_across_processes().await?;
        self.decides_many_at_once().await?;
        self.takes_along_what_comes_in_before_its_turn().await?;
        self.hands_over_to_who_waits().await?;
        self.ends_what_time_has_ended_once().await?;
        self.does_a_call_once_under_a_key().await?;
        self.does_a_call_once_that_waits_at_two_desks().await?;
        self.gives_up_and_loses_places().await?;
        self.holds_of_all_events().await
    }

    /// Asks until something holds, for as long as a clerk may take to look.
    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..400 {
            if holds().await {
                return;
            }
            self.pause.pause(10).await;
        }
        panic!("{what} did not come about");
    }

    async fn in_line(&self) -> usize {
        let mut tx = self.store.read().await.expect("a view");
        tx.locks().waiters().await.expect("the line").len()
    }

    async fn release(&self, lock: &Lock) {
        assert!(matches!(ask(&self.one, Call::Release { id: lock.id }).await, Answer::Done(Done::Released, _)));
    }

    async fn grants_and_refuses_across_processes(&self) -> Outcome {
        let fields =
            PresenceFields { host: claudetools_kernel::Patch::Set("laptop".to_owned()), ..PresenceFields::default() };
        let announced = self.presence.announce(&Party::Trusted, "a", fields).await.expect("a session");
        announced.commit(Receipt::default()).await?;
        let held = granted(&self.one, sole("a", "p/q", 0)).await;
        let conflict = refused(&self.two, sole("b", "p", 0)).await;
        assert_eq!((conflict.blocking[0].lock.id, conflict.blocking[0].host.as_deref()), (held.id, Some("laptop")));
        assert_eq!((conflict.position, conflict.length), (1, 1));
        let again = granted(&self.two, sole("a", "p/q", 0)).await;
        assert_eq!(
            (again.id, again.token),
            (held.id, held.token),
            "the same session has the same lock, wherever it asks"
        );
        let renewed = ask(&self.two, Call::Renew { id: held.id, ttl_seconds: Some(90), token: Some(held.token) }).await;
        let Answer::Done(Done::Renewed(renewed), now) = renewed else { panic!("{renewed:?}") };
        assert_eq!(renewed.expires_at, now.plus(TimeDelta::seconds(90)));
        self.release(&held).await;
        let second = ask(&self.two, Call::Release { id: held.id }).await;
        assert!(matches!(second, Answer::Done(Done::HadEnded(LockState::Released), _)));
        let unknown = Id::new(uuid(999_999));
        let never = ask(&self.two, Call::Release { id: unknown }).await;
        assert!(matches!(never, Answer::Refused(Refusal::Unknown(id), _) if id == unknown));
        let next = granted(&self.two, sole("b", "p", 0)).await;
        assert!(next.token > held.token);
        self.release(&next).await;
        Ok(())
    }

    async fn decides_many_at_once(&self) -> Outcome {
        let sessions: Vec<String> = (0..40).map(|n| format!("many-{n}")).collect();
        let desks = [&self.one, &self.two];
        let calls = sessions.iter().enumerate().map(|(n, session)| ask(desks[n % 2], sole(session, "hot/spot", 0)));
        let answers = join_all(calls).await;
        let won: Vec<&Lock> = answers
            .iter()
            .filter_map(|answer| match answer {
                Answer::Done(Done::Granted(grant), _) => grant.locks.first(),
                Answer::Refused(Refusal::Conflict(_), _) => None,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(won.len(), 1, "one of all that ask at once");
        self.release(won[0]).await;
        let calls = sessions
            .iter()
            .enumerate()
            .map(|(n, session)| granted(desks[n % 2], sole(session, &format!("cold/{n}"), 0)));
        let mut tokens: Vec<i64> = join_all(calls).await.iter().map(|lock| lock.token).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 40, "no token is given twice");
        Ok(())
    }

    async fn takes_along_what_comes_in_before_its_turn(&self) -> Outcome {
        let batches = || self.one.counts().batches.load(Ordering::Relaxed);
        let (before, mut tx) = (batches(), self.store.begin().await?);
        tx.head().lock().await?;
        let first = granted(&self.one, sole("a", "turn/0", 0));
        let script = async {
            // Enough for the clerk to begin with the first call; if it is not, there is less to see.
            self.pause.pause(20).await;
            let others =
                ["1", "2", "3"].map(|n| self.one.submit(sole("a", &format!("turn/{n}"), 0), Box::new(NoWitness)));
            drop(tx);
            join_all(others).await
        };
        let (first, others) = futures::join!(first, script);
        assert_eq!(batches() - before, 1, "four calls that waited for one turn");
        self.release(&first).await;
        for answer in others {
            let Ok(Answer::Done(Done::Granted(grant), _)) = answer else { panic!("{answer:?}") };
            self.release(&grant.locks[0]).await;
        }
        Ok(())
    }

    async fn hands_over_to_who_waits(&self) -> Outcome {
        let held = granted(&self.one, sole("a", "line", 0)).await;
        let first = granted(&self.two, sole("b", "line", 50));
        let script = async {
            self.until("b waits", async || self.in_line().await == 1).await;
            let second = granted(&self.one, sole("c", "line/x", 50));
            let script = async {
                self.until("c waits", async || self.in_line().await == 2).await;
                let passed = refused(&self.two, sole("d", "line/x", 0)).await;
                assert_eq!((passed.position, passed.length), (3, 3), "nobody passes");
                let circle = ask(&self.one, sole("a", "elsewhere", 0)).await;
                assert!(matches!(circle, Answer::Done(..)), "what does not conflict passes");
                self.release(&held).await;
            };
            futures::join!(second, script).0
        };
        let (first, second) = futures::join!(
            async {
                let lock = first.await;
                self.release(&lock).await;
                lock
            },
            script
        );
        assert!(held.token < first.token && first.token < second.token, "first come, first served");
        self.release(&second).await;
        let (mine, theirs) =
            (granted(&self.one, sole("a", "left", 0)).await, granted(&self.two, sole("b", "right", 0)).await);
        let waits = granted(&self.one, sole("a", "right", 50));
        let script = async {
            self.until("a waits", async || self.in_line().await == 1).await;
            let circle = ask(&self.two, sole("b", "left", 50)).await;
            assert!(matches!(circle, Answer::Refused(Refusal::Deadlock(_), _)), "{circle:?}");
            self.release(&theirs).await;
        };
        let (taken, ()) = futures::join!(waits, script);
        self.release(&taken).await;
        self.release(&mine).await;
        Ok(())
    }

    async fn ends_what_time_has_ended_once(&self) -> Outcome {
        let held = granted(&self.one, sole("a", "short", 0)).await;
        let waits = granted(&self.two, sole("b", "short", 50));
        let script = async {
            self.until("b waits", async || self.in_line().await == 1).await;
            // The deadline of who waits is not yet over.
            let left = held.expires_at.since(self.now().await).num_seconds();
            assert!(left < 61);
            let again = ask(&self.one, Call::Renew { id: held.id, ttl_seconds: Some(10), token: None }).await;
            assert!(matches!(again, Answer::Done(Done::Renewed(_), _)));
            pass(&*self.store, 11).await.expect("time passes");
        };
        let (taken, ()) = futures::join!(waits, script);
        assert!(taken.token > held.token);
        let over = ask(&self.one, Call::Renew { id: held.id, ttl_seconds: None, token: None }).await;
        assert!(matches!(over, Answer::Refused(Refusal::Over(_, LockState::Expired), _)), "{over:?}");
        self.release(&taken).await;
        // Nobody asks, and yet it is marked.
        let alone = granted(&self.one, sole("a", "alone", 0)).await;
        pass(&*self.store, 61).await?;
        self.until("the event of an end that nobody asked about", async || {
            let mut tx = self.store.read().await.expect("a view");
            let events = tx.events().about(alone.id.uuid()).await.expect("events");
            events.last().is_some_and(|event| event.kind == EventKind::LockExpired)
        })
        .await;
        Ok(())
    }

    async fn now(&self) -> Timestamp {
        self.store.read().await.expect("a view").head().peek().await.expect("the head").now
    }

    async fn does_a_call_once_under_a_key(&self) -> Outcome {
        let call = || sole("a", "keyed", 0);
        let once = self.one.submit(call(), Box::new(Keyed("k", 1)));
        let Answer::Done(Done::Granted(grant), _) = once.await? else { panic!("not granted") };
        let replayed = self.two.submit(call(), Box::new(Keyed("k", 2))).await?;
        let Answer::Replayed(record) = replayed else { panic!("{replayed:?}") };
        assert_eq!(record.reply.body, grant.locks[0].token.to_string().into_bytes());
        self.release(&grant.locks[0]).await;
        let after = self.two.submit(call(), Box::new(Keyed("k", 3))).await?;
        assert!(matches!(after, Answer::Replayed(_)), "although the lock is free again: {after:?}");
        // A receipt that cannot be written takes its own call back, and no other.
        let doomed = self.one.submit(sole("b", "doomed", 0), Box::new(Keyed("l", 1)));
        let fine = self.one.submit(sole("c", "fine", 0), Box::new(NoWitness));
        let (doomed, fine) = futures::join!(doomed, fine);
        assert!(matches!(doomed, Err(StoreError::Constraint(_) | StoreError::Contention(_))), "{doomed:?}");
        assert!(matches!(fine, Ok(Answer::Done(..))), "{fine:?}");
        granted(&self.two, sole("d", "doomed", 0)).await;
        Ok(())
    }

    async fn does_a_call_once_that_waits_at_two_desks(&self) -> Outcome {
        let held = granted(&self.one, sole("a", "twice", 0)).await;
        let call = || sole("b", "twice", 50);
        let first = self.one.submit(call(), Box::new(Keyed("w", 4)));
        self.until("b waits", async || self.in_line().await == 1).await;
        let again = self.two.submit(call(), Box::new(Keyed("w", 5)));
        self.until("b waits twice", async || self.in_line().await == 2).await;
        let bystanders = [&self.one, &self.two].map(|desk| desk.submit(sole("c", "twice", 50), Box::new(NoWitness)));
        self.until("c waits at both", async || self.in_line().await == 4).await;
        self.release(&held).await;
        let (first, again) = futures::join!(first, again);
        let told = match (first?, again?) {
            (Answer::Done(Done::Granted(grant), _), Answer::Replayed(record))
            | (Answer::Replayed(record), Answer::Done(Done::Granted(grant), _)) => (grant, record),
            other => panic!("one is granted, the other told the same: {other:?}"),
        };
        assert_eq!(told.1.reply.body, told.0.locks[0].token.to_string().into_bytes());
        self.release(&told.0.locks[0]).await;
        let [one, two] = bystanders;
        let (one, two) = futures::join!(one, two);
        let Answer::Done(Done::Granted(grant), _) = one? else { panic!("who stands behind them is not refused") };
        assert!(matches!(two?, Answer::Done(Done::Granted(_), _)), "nor at the other desk: its session holds it");
        self.release(&grant.locks[0]).await;
        Ok(())
    }

    async fn gives_up_and_loses_places(&self) -> Outcome {
        let held = granted(&self.one, sole("a", "lost", 0)).await;
        let pending = self.two.submit(sole("b", "lost", 50), Box::new(NoWitness));
        self.until("b waits", async || self.in_line().await == 1).await;
        assert!(matches!(pending.give_up(), StoreError::Unavailable(_)), "nothing was done, and nothing will be");
        self.until("the place is given up", async || self.in_line().await == 0).await;
        let pending = self.two.submit(sole("c", "lost", 2), Box::new(NoWitness));
        self.until("c waits", async || self.in_line().await == 1).await;
        pass(&*self.store, 3).await?;
        let Answer::Refused(Refusal::Conflict(conflict), _) = pending.await? else { panic!("granted") };
        assert!(conflict.waited >= TimeDelta::seconds(2));
        assert_eq!(self.in_line().await, 0);
        let pending = self.two.submit(sole("a2", "lost", 50), Box::new(NoWitness));
        self.until("a2 waits", async || self.in_line().await == 1).await;
        let announced =
            self.presence.announce(&Party::Trusted, "a2", PresenceFields::default()).await.expect("a session");
        announced.commit(Receipt::default()).await?;
        self.presence.end(&Party::Trusted, "a2").await.expect("it ends").commit(Receipt::default()).await?;
        assert!(matches!(pending.await?, Answer::Refused(Refusal::LostPlace, _)), "the session has ended");
        self.release(&held).await;
        Ok(())
    }

    /// What the events of all that tell, whoever wrote them.
    async fn holds_of_all_events(&self) -> Outcome {
        let events: Vec<Event> = self.store.read().await?.events().after(0, 10_000).await?;
        let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=i64::try_from(events.len()).unwrap_or_default()).collect::<Vec<_>>(), "no gap");
        assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at), "time does not go back");
        for event in events.iter().filter(|event| event.kind == EventKind::LockGranted) {
            let ends = [EventKind::LockReleased, EventKind::LockExpired, EventKind::LockBroken];
            let ended = events.iter().filter(|other| other.subject == event.subject && ends.contains(&other.kind));
            assert!(ended.count() <= 1, "{event:?} ended twice");
        }
        Ok(())
    }
}
