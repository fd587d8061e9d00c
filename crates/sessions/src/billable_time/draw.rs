//! How billed minutes draw on the blocks that were paid for before. Nothing of it is stored: what is left of a block follows from
//! the blocks and the entries, so that it cannot drift.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use claudetools_kernel::{Id, Money};
use o2o::o2o;

use super::TimeBlock;
use crate::{BillableTime, Client, Currency};

/// An entry as far as it draws on blocks.
#[derive(Debug, Clone, PartialEq, Eq, o2o)]
#[from_ref(BillableTime)]
#[expect(missing_docs, reason = "each field is described at BillableTime")]
pub struct Draw {
    pub id: Id<BillableTime>,
    pub client_id: Id<Client>,
    pub entry_date: NaiveDate,
    pub rounded_minutes: i64,
    pub hourly_rate: Option<Money>,
    pub currency: Currency,
}

/// What has become of a block. Of the minutes that it had, `minutes` and `carried_in` together, each is drawn, left, carried on or
/// lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockBalance {
    /// The block.
    pub block_id: Id<TimeBlock>,
    /// Whose it is.
    pub client_id: Id<Client>,
    /// The first day that it can be drawn on.
    pub from: NaiveDate,
    /// The last one.
    pub until: Option<NaiveDate>,
    /// Minutes paid for.
    pub minutes: i64,
    /// Minutes that an earlier block has left it.
    pub carried_in: i64,
    /// Minutes drawn in all.
    pub drawn: i64,
    /// Minutes of these on the days asked for.
    pub drawn_in_period: i64,
    /// Minutes left to draw.
    pub balance: i64,
    /// Minutes that it has left to the next block.
    pub carried_out: i64,
    /// Minutes that were lost when it ended.
    pub expired: i64,
}

impl BlockBalance {
    /// A block that nothing has been drawn on.
    pub fn untouched(block: &TimeBlock) -> Self {
        // Hundredths of an hour are three fifths of a minute; what is paid for is not cut.
        let minutes = (block.hours.hundredths() * 3 + 4).div_euclid(5);
        Self {
            block_id: block.id,
            client_id: block.client_id,
            from: block.from,
            until: block.until,
            minutes,
            carried_in: 0,
            drawn: 0,
            drawn_in_period: 0,
            balance: minutes,
            carried_out: 0,
            expired: 0,
        }
    }

    fn is_open(&self, day: NaiveDate) -> bool {
        self.from <= day && !self.is_over(day)
    }

    fn is_over(&self, day: NaiveDate) -> bool {
        self.until.is_some_and(|until| until < day)
    }
}

/// Blocks with what has become of them, and what they did not cover.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drawn {
    /// The blocks, in the order in which they are drawn on.
    pub blocks: Vec<BlockBalance>,
    /// Minutes of the days asked for that no block was left for, from a client's first block on.
    pub overage_minutes: i64,
    /// What these cost, by currency.
    pub overage_amounts: BTreeMap<String, Money>,
}

impl Drawn {
    /// Draws `entries` on `blocks`, of any number of clients, up to the end of `until`; the days asked for begin with `since`.
    ///
    /// An entry draws on its client's blocks that are open on its day, the one that began first before the others, in the order of the
    /// entries' days and then of their ids. After a block's last day what is left of it goes to the first of its client's blocks that
    /// lasts longer, if it rolls over and there is one, and is lost otherwise.
    pub fn new(blocks: &[TimeBlock], entries: &[Draw], since: Option<NaiveDate>, until: Option<NaiveDate>) -> Self {
        let mut clients: BTreeMap<Id<Client>, (Vec<&TimeBlock>, Vec<&Draw>)> = BTreeMap::new();
        for block in blocks {
            clients.entry(block.client_id).or_default().0.push(block);
        }
        for entry in entries.iter().filter(|entry| until.is_none_or(|until| entry.entry_date <= until)) {
            // A client without blocks pays as it goes: nothing of it is beyond anything.
            if let Some(client) = clients.get_mut(&entry.client_id) {
                client.1.push(entry);
            }
        }
        let mut drawn = Self::default();
        for (blocks, entries) in clients.into_values() {
            drawn.draw(blocks, entries, since, until);
        }
        drawn
    }

    fn draw(
        &mut self,
        mut blocks: Vec<&TimeBlock>,
        mut entries: Vec<&Draw>,
        since: Option<NaiveDate>,
        until: Option<NaiveDate>,
    ) {
        blocks.sort_by_key(|block| (block.from, block.until.is_none(), block.until, block.id));
        entries.sort_by_key(|entry| (entry.entry_date, entry.id));
        let first = blocks.first().map(|block| block.from);
        let mut account = Account::new(&blocks);
        for entry in entries.into_iter().filter(|entry| first.is_some_and(|first| first <= entry.entry_date)) {
            account.advance(entry.entry_date);
            let counts = since.is_none_or(|since| since <= entry.entry_date);
            let left = account.take(entry.entry_date, entry.rounded_minutes, counts);
            if left > 0 && counts {
                self.overage_minutes += left;
                if let Some(price) = entry.hourly_rate.and_then(|rate| rate.of_minutes(left)) {
                    let sum = self.overage_amounts.entry(entry.currency.to_string()).or_default();
                    *sum = sum.plus(price);
                }
            }
        }
        if let Some(day) = until {
            account.advance(day);
        }
        self.blocks.extend(account.blocks);
    }
}

/// A client's blocks while they are drawn on.
struct Account {
    /// In the order in which they are drawn on.
    blocks: Vec<BlockBalance>,
    rolls: Vec<bool>,
    /// The places of those that end, the first to end last.
    ending: Vec<usize>,
}

impl Account {
    fn new(blocks: &[&TimeBlock]) -> Self {
        let mut ending: Vec<usize> = (0..blocks.len()).filter(|at| blocks[*at].until.is_some()).collect();
        ending.sort_by_key(|at| std::cmp::Reverse((blocks[*at].until, *at)));
        let rolls = blocks.iter().map(|block| block.rollover).collect();
        Self { blocks: blocks.iter().map(|block| BlockBalance::untouched(block)).collect(), rolls, ending }
    }

    /// Ends the blocks whose last day lies before `day`, the first to end first, so that what is left can go on more than once.
    fn advance(&mut self, day: NaiveDate) {
        while let Some(at) = self.ending.pop_if(|at| self.blocks[*at].is_over(day)) {
            let (rest, until) = (std::mem::take(&mut self.blocks[at].balance), self.blocks[at].until);
            let lasts_longer = |block: &&mut BlockBalance| block.until.is_none() || block.until > until;
            let heir = self.blocks.iter_mut().find(lasts_longer).filter(|_| self.rolls[at]);
            match heir {
                Some(heir) => {
                    heir.carried_in += rest;
                    heir.balance += rest;
                    self.blocks[at].carried_out = rest;
                }
                None => self.blocks[at].expired = rest,
            }
        }
    }

    /// Draws minutes on the blocks open on a day; tells how many are left.
    fn take(&mut self, day: NaiveDate, minutes: i64, counts: bool) -> i64 {
        let mut left = minutes;
        for block in self.blocks.iter_mut().filter(|block| block.is_open(day)) {
            let taken = left.min(block.balance);
            block.balance -= taken;
            block.drawn += taken;
            block.drawn_in_period += if counts { taken } else { 0 };
            left -= taken;
        }
        left
    }
}
