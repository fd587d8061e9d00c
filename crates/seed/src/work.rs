//! A day's work: sessions, their work items, the tasks that are left.

use chrono::{NaiveDate, TimeDelta};
use claudetools_kernel::{Id, Patch, Result, Timestamp};
use claudetools_sessions::{
    ClientType, PendingTask, PendingTaskFields, Project, Session, SessionFields, SessionStatus, Tag, TaskStatus,
    WorkItem, WorkItemFields, WorkItemStatus,
};

use crate::{
    Shape,
    calendar::{Span, Year, in_office_hours, office_day, plus_days, workday_from},
    dice::Dice,
    firm::{Account, Firm, Technician, priority},
    jobs::{JOBS, Job, OBSTACLES, TASKS},
    names::Pairs,
};

/// How many minutes after its start a session's first work item is entered.
const FIRST_ITEM: TimeDelta = TimeDelta::minutes(1);

/// What a day, or a part of it, has brought.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) sessions: Vec<Session>,
    pub(crate) items: Vec<WorkItem>,
    pub(crate) tasks: Vec<(PendingTask, Vec<Id<PendingTask>>)>,
}

/// Somebody's next piece of work.
#[derive(Debug)]
pub(crate) struct Appointment {
    technician: usize,
    span: Span,
    /// Whether it is the technician's last of the whole year, which may still be going on.
    is_latest: bool,
}

/// Who does what when on a day of so many sessions, by time.
pub(crate) fn appointments(
    dice: &mut Dice,
    day: NaiveDate,
    sessions: usize,
    technicians: usize,
    is_last_day: bool,
) -> Vec<Appointment> {
    let mut present: Vec<usize> = (0..technicians).filter(|_| !dice.percent(8)).collect();
    if present.is_empty() {
        present.push(dice.index(technicians));
    }
    // Who gets one more of what does not divide changes from day to day.
    let first = dice.index(present.len());
    present.rotate_left(first);
    let (each, more) = (sessions / present.len(), sessions % present.len());
    let mut planned = Vec::with_capacity(sessions);
    for (place, technician) in present.into_iter().enumerate() {
        let spans = office_day(dice, day, each + usize::from(place < more));
        let last = spans.len().saturating_sub(1);
        planned.extend(spans.into_iter().enumerate().map(|(at, span)| Appointment {
            technician,
            span,
            is_latest: is_last_day && at == last,
        }));
    }
    planned.sort_by_key(|appointment| (appointment.span.0, appointment.technician));
    planned
}

/// The firm at work.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) people: Pairs,
    pub(crate) shape: &'a Shape,
    pub(crate) year: Year,
}

/// What a session is about.
struct Subject<'a> {
    job: &'static Job,
    account: &'a Account,
    project: Option<&'a Project>,
    server: String,
    pc: String,
    user: String,
    tags: Vec<Tag>,
}

impl Subject<'_> {
    fn fill(&self, text: &str) -> String {
        text.replace("{server}", &self.server).replace("{pc}", &self.pc).replace("{user}", &self.user)
    }
}

impl Desk<'_> {
    /// Does what is planned and adds it to `work`.
    pub(crate) fn attend(
        &mut self,
        firm: &mut Firm,
        day: NaiveDate,
        planned: &Appointment,
        work: &mut Work,
    ) -> Result<()> {
        let at = self.client(firm, day);
        let subject = self.subject(&firm.accounts[at], firm, day);
        let session = self.session(&subject, &firm.technicians[planned.technician], day, planned)?;
        let count = self.dice.between(self.shape.items.0, self.shape.items.1);
        let mut last = None;
        for number in 0..count {
            let item = self.item(&subject, &session, number, count)?;
            last = Some(item.id);
            work.items.push(item);
        }
        if self.dice.percent(self.shape.task_percent) {
            let technician = &firm.technicians[planned.technician].email;
            let task = self.task(&subject, &session, last, technician)?;
            firm.accounts[at].last_task = Some(task.0.id);
            work.tasks.push(task);
        }
        work.sessions.push(session);
        Ok(())
    }

    /// A client who has not left; the first ones have the most work.
    fn client(&mut self, firm: &Firm, day: NaiveDate) -> usize {
        let count = firm.accounts.len();
        let first = self.dice.early_index(count);
        let stays = |at: &usize| firm.accounts[*at].left_on.is_none_or(|left| day <= left);
        (first..count).chain(0..first).find(stays).unwrap_or(first)
    }

    fn subject<'a>(&mut self, account: &'a Account, firm: &Firm, day: NaiveDate) -> Subject<'a> {
        let throw = self.dice.below(JOBS.iter().map(|job| job.weight).sum());
        let mut sum = 0;
        let job = JOBS.iter().find(|job| {
            sum += job.weight;
            throw < sum
        });
        let job = job.unwrap_or(&JOBS[0]);
        let running: Vec<&Project> = account
            .projects
            .iter()
            .filter(|undertaking| (undertaking.days.0..=undertaking.days.1).contains(&day))
            .map(|undertaking| &undertaking.project)
            .collect();
        let project = (!running.is_empty() && self.dice.percent(45)).then(|| self.dice.pick(&running));
        let role = self.dice.pick(&["DC01", "FS01", "APP01", "SQL01", "RDS01", "HV01"]);
        let number = self.dice.between(1, 60);
        let (first, last) = self.people.take();
        let spare = self.dice.percent(40);
        let tags = job.tags.iter().skip(usize::from(spare)).filter_map(|name| firm.tags.get(*name).cloned());
        Subject {
            job,
            account,
            project,
            server: format!("{}-{role}", account.prefix),
            pc: format!("{}-PC{number:02}", account.prefix),
            user: format!("{first} {last}"),
            tags: tags.collect(),
        }
    }

    /// Opened when the work begins, and closed when it ends.
    fn session(
        &mut self,
        subject: &Subject<'_>,
        technician: &Technician,
        day: NaiveDate,
        planned: &Appointment,
    ) -> Result<Session> {
        let (start, end) = planned.span;
        let status = if planned.is_latest && self.dice.percent(70) {
            SessionStatus::InProgress
        } else {
            let kinds = [(SessionStatus::Completed, 960), (SessionStatus::Cancelled, 25), (SessionStatus::OnHold, 15)];
            self.dice.weighted(&kinds)
        };
        let internal = subject.account.client.client_type == ClientType::Internal;
        let is_billable = !internal && status != SessionStatus::Cancelled && self.dice.percent(88);
        let title = subject.fill(subject.job.title);
        let technologies = subject.job.technologies.iter().map(|name| (*name).to_owned());
        let opened = SessionFields {
            client_id: Patch::Set(subject.account.client.id),
            project_id: subject.project.map(|project| project.id).into(),
            machine_id: self.dice.percent(92).then_some(technician.machine.id).into(),
            session_date: Some(day),
            start_time: Patch::Set(start),
            session_title: Some(match subject.project {
                Some(project) => format!("{}: {title}", project.name),
                None => title,
            }),
            is_billable: Some(is_billable),
            tags: Some(Vec::new()),
            technologies_used: Some(technologies.collect()),
            ..SessionFields::default()
        };
        let mut draft = Session::draft(self.dice.id(start), opened, &technician.email, start)?;
        if let Some(project) = subject.project {
            draft.place(project)?;
        }
        let session = draft.finish(subject.account.rule, Some(&subject.tags));
        if status == SessionStatus::InProgress {
            return Ok(session);
        }
        let closed = SessionFields {
            status: Some(status),
            end_time: if status == SessionStatus::OnHold { Patch::Keep } else { Patch::Set(end) },
            summary: (status == SessionStatus::Completed).then(|| summary(subject)).into(),
            ..SessionFields::default()
        };
        Ok(session.change(closed, end)?.finish(subject.account.rule, None))
    }

    /// One of so many work items of a session, each of which takes its share of the time.
    fn item(&mut self, subject: &Subject<'_>, session: &Session, number: i64, count: i64) -> Result<WorkItem> {
        let start = session.start_time.unwrap_or(session.created_at);
        let minutes = session.duration_minutes.unwrap_or(30);
        let share = i32::try_from(minutes / count).unwrap_or(i32::MAX);
        let made = start.plus(FIRST_ITEM + TimeDelta::minutes(minutes * number / count / 2));
        let step = subject.job.steps[usize::try_from(number).unwrap_or_default() % subject.job.steps.len()];
        let entered = WorkItemFields {
            session_id: Some(session.id),
            category: Some(subject.job.category),
            title: Some(subject.fill(step)),
            priority: Some(priority(self.dice)),
            is_billable: Some(session.is_billable),
            estimated_minutes: Patch::Set((share / 15 + 1) * 15),
            affected_systems: Some(vec![if step.contains("{pc}") { &subject.pc } else { &subject.server }.clone()]),
            technologies_used: Some(subject.job.technologies.iter().take(1).map(|name| (*name).to_owned()).collect()),
            ..WorkItemFields::default()
        };
        let tags = &subject.tags[..subject.tags.len().min(1)];
        let item = WorkItem::draft(self.dice.id(made), entered, made)?.finish(session, Some(tags));
        let status = match session.status {
            SessionStatus::Completed => self.dice.weighted(&[
                (WorkItemStatus::Completed, 94),
                (WorkItemStatus::Deferred, 4),
                (WorkItemStatus::Blocked, 2),
            ]),
            SessionStatus::InProgress if number == 0 => WorkItemStatus::InProgress,
            SessionStatus::InProgress => WorkItemStatus::Pending,
            SessionStatus::OnHold => WorkItemStatus::Blocked,
            SessionStatus::Cancelled => WorkItemStatus::Deferred,
        };
        if status == WorkItemStatus::Pending {
            return Ok(item);
        }
        let completed = status == WorkItemStatus::Completed;
        let changed = WorkItemFields {
            status: Some(status),
            actual_minutes: completed.then_some(share).into(),
            ..WorkItemFields::default()
        };
        let at = made.plus(TimeDelta::minutes(i64::from(share) / 2));
        Ok(item.change(changed, at)?.finish(session, None))
    }

    /// A task that a session has left, and what it waits for.
    fn task(
        &mut self,
        subject: &Subject<'_>,
        session: &Session,
        item: Option<Id<WorkItem>>,
        technician: &str,
    ) -> Result<(PendingTask, Vec<Id<PendingTask>>)> {
        let made = session.updated_at;
        let due = workday_from(plus_days(session.session_date, self.dice.between(3, 30)));
        let last = subject.account.last_task;
        let waits = last.filter(|_| self.dice.percent(10));
        let entered = PendingTaskFields {
            client_id: Patch::Set(subject.account.client.id),
            project_id: subject.project.map(|project| project.id).into(),
            work_item_id: item.into(),
            parent_task_id: last.filter(|last| Some(*last) != waits && self.dice.percent(6)).into(),
            title: Some(subject.fill(self.dice.pick(&TASKS))),
            priority: Some(priority(self.dice)),
            depends_on: Some(waits.into_iter().collect()),
            assigned_to: self.dice.percent(90).then(|| technician.to_owned()).into(),
            due_date: Patch::Set(due),
            ..PendingTaskFields::default()
        };
        let mut draft = PendingTask::draft(self.dice.id(made), entered, made)?;
        if let Some(project) = subject.project {
            draft.place(project)?;
        }
        let (task, waits) = draft.finish();
        let Some((status, at)) = self.fate(due, made) else { return Ok((task, waits.unwrap_or_default())) };
        let obstacle = (status == TaskStatus::Blocked).then(|| self.dice.pick(&OBSTACLES).to_owned());
        let changed =
            PendingTaskFields { status: Some(status), blocked_by: obstacle.into(), ..PendingTaskFields::default() };
        let (task, _) = task.change(changed, at)?.finish();
        Ok((task, waits.unwrap_or_default()))
    }

    /// What has become of a task by the end of the year, and when; `None` when nobody has touched it. Of those that were due
    /// some are overdue.
    fn fate(&mut self, due: NaiveDate, made: Timestamp) -> Option<(TaskStatus, Timestamp)> {
        let (status, latest) = if due <= self.year.last {
            let kinds = [
                (Some(TaskStatus::Completed), 90),
                (Some(TaskStatus::Cancelled), 4),
                (Some(TaskStatus::InProgress), 2),
                (Some(TaskStatus::Blocked), 2),
                (None, 2),
            ];
            (self.dice.weighted(&kinds), plus_days(due, 2).min(self.year.last))
        } else {
            let kinds = [
                (Some(TaskStatus::Completed), 25),
                (Some(TaskStatus::InProgress), 20),
                (Some(TaskStatus::Blocked), 10),
                (None, 45),
            ];
            (self.dice.weighted(&kinds), self.year.last)
        };
        let days = latest.signed_duration_since(made.date()).num_days().max(0);
        let day = workday_from(plus_days(made.date(), self.dice.between(0, days))).min(latest);
        let at = in_office_hours(self.dice, day).max(made.plus(TimeDelta::minutes(5)));
        status.map(|status| (status, at))
    }
}

fn summary(subject: &Subject<'_>) -> String {
    let mut summary = String::new();
    for step in subject.job.steps {
        summary.push_str("- ");
        summary.push_str(&subject.fill(step));
        summary.push('\n');
    }
    summary.push('\n');
    summary.push_str(&subject.fill(subject.job.outcome));
    summary
}
