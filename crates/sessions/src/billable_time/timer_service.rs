//! What callers do with timers.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target};

use super::entry_service::{enter, row, settle};
use crate::{
    BillableTime, BillableTimeRow, Client, Context, EntryDraft, Timer, TimerFields, TimerFilter, TimerRow, TimerSort,
    ports::SessionsTx,
};

/// The use cases of timers. Reading needs [`Scope::Read`], starting, pausing and stopping [`Scope::Write`], throwing away
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct TimerService(Context);

impl TimerService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Starts a timer, the caller's own unless another technician is named. Refused as [`Error::Duplicate`], naming the other,
    /// when one runs for the technician already.
    pub async fn start(&self, actor: &Actor, fields: TimerFields) -> Result<Change<TimerRow>> {
        actor.require(Scope::Write)?;
        let now = self.0.now();
        let mut timer = Timer::start(self.0.ids.id(), fields, &actor.subject, now)?;
        let mut tx = self.0.store.begin().await?;
        refuse_second(tx.as_mut(), &timer).await?;
        // What cannot become an entry is told now, not when the work is done.
        let client = tx.clients().find(timer.client_id).await?;
        let entry = settle(tx.as_mut(), self.draft(&timer, &client)?).await?;
        timer.session_id = entry.session_id;
        tx.timers().add(&timer).await?;
        self.shown(tx, timer.id).await
    }

    /// One timer.
    pub async fn get(&self, actor: &Actor, id: Id<Timer>) -> Result<TimerRow> {
        actor.require(Scope::Read)?;
        find(self.0.store.read().await?.as_mut(), id).await.map(|row| row.at(self.0.now()))
    }

    /// A page of timers.
    pub async fn list(&self, actor: &Actor, query: &Query<TimerFilter, TimerSort>) -> Result<Page<TimerRow>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let now = self.0.now();
        Ok(tx.timers().list(&query.filter, &query.page).await?.map(|row| row.at(now)))
    }

    /// Pauses a timer: the technician can start another.
    pub async fn pause(&self, actor: &Actor, target: &Target<Timer>) -> Result<Change<TimerRow>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let timer = tx.timers().find_for(target).await?.pause(self.0.now())?;
        tx.timers().save(&timer).await?;
        self.shown(tx, timer.id).await
    }

    /// Lets a paused timer run again. Refused as [`Error::Duplicate`] when another runs for the technician by now.
    pub async fn resume(&self, actor: &Actor, target: &Target<Timer>) -> Result<Change<TimerRow>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let timer = tx.timers().find_for(target).await?.resume(self.0.now())?;
        refuse_second(tx.as_mut(), &timer).await?;
        tx.timers().save(&timer).await?;
        self.shown(tx, timer.id).await
    }

    /// Stops a timer, which becomes an entry. Refused as [`Error::Conflict`] when the day of its start is closed by now.
    pub async fn stop(&self, actor: &Actor, target: &Target<Timer>) -> Result<Change<BillableTimeRow>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let timer = tx.timers().find_for(target).await?;
        let client = tx.clients().find(timer.client_id).await?;
        let draft = self.draft(&timer, &client)?;
        if !tx.timers().remove(timer.id).await? {
            return Err(Error::not_found(timer.id));
        }
        let id = enter(tx.as_mut(), draft).await?;
        Ok(Change::new(row(tx.as_mut(), id).await?, tx))
    }

    /// Throws a timer away.
    pub async fn delete(&self, actor: &Actor, target: &Target<Timer>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.timers().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }

    /// The entry that the timer becomes when it is stopped now.
    fn draft(&self, timer: &Timer, client: &Client) -> Result<EntryDraft> {
        let now = self.0.now();
        let day = client.time_zone.map_or_else(|| timer.started_at.date(), |zone| zone.day(timer.started_at));
        BillableTime::draft(self.0.ids.id(), timer.entry(day, now)?, &timer.technician, now)
    }

    async fn shown(&self, mut tx: Box<dyn SessionsTx>, id: Id<Timer>) -> Result<Change<TimerRow>> {
        let row = find(tx.as_mut(), id).await?.at(self.0.now());
        Ok(Change::new(row, tx))
    }
}

/// The key in the database gives the certainty, this the good message.
async fn refuse_second(tx: &mut dyn SessionsTx, timer: &Timer) -> Result<()> {
    let running = tx.timers().running(&timer.technician_key()).await?;
    Error::refuse_taken("technician", running, timer.id)
}

async fn find(tx: &mut dyn SessionsTx, id: Id<Timer>) -> Result<TimerRow> {
    tx.timers().row(id).await?.ok_or_else(|| Error::not_found(id))
}
