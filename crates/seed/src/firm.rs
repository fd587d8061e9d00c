//! The provider itself: its people and their machines, its clients with their projects, its tags.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use claudetools_kernel::{Hours, Id, Money, Patch, Result, text};
use claudetools_sessions::{
    BillingRounding, BillingRule, Client, ClientFields, ClientType, Machine, MachineFields, PendingTask, Platform,
    Priority, Project, ProjectFields, ProjectStatus, Tag, TagFields,
};

use crate::{
    Shape,
    calendar::{Year, in_office_hours, plus_days},
    dice::Dice,
    jobs,
    names::{Pairs, address_part, host_prefix},
};

/// Who does the work.
#[derive(Debug)]
pub(crate) struct Technician {
    /// The subject of the technician's tokens.
    pub(crate) email: String,
    /// Whose laptop this is.
    pub(crate) machine: Machine,
}

/// Whom it is done for.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) client: Client,
    pub(crate) rule: BillingRule,
    /// The last day of a client that has left.
    pub(crate) left_on: Option<NaiveDate>,
    pub(crate) projects: Vec<Undertaking>,
    /// The start of its host names.
    pub(crate) prefix: String,
    /// The last task that was made for it.
    pub(crate) last_task: Option<Id<PendingTask>>,
}

/// A project, and on which days it is worked on.
#[derive(Debug)]
pub(crate) struct Undertaking {
    pub(crate) project: Project,
    pub(crate) days: (NaiveDate, NaiveDate),
}

/// Everything that work refers to.
#[derive(Debug)]
pub(crate) struct Firm {
    pub(crate) technicians: Vec<Technician>,
    pub(crate) accounts: Vec<Account>,
    /// The tags that are new.
    pub(crate) new_tags: Vec<Tag>,
    /// All tags by name.
    pub(crate) tags: HashMap<String, Tag>,
}

/// What a database holds already that a name may collide with.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Names of clients, folded.
    pub(crate) clients: HashSet<String>,
    /// Tags.
    pub(crate) tags: Vec<Tag>,
}

impl Firm {
    pub(crate) fn found(dice: &mut Dice, shape: &Shape, year: Year, mut taken: Taken) -> Result<Self> {
        let mut companies = Pairs::companies(dice);
        let (own, _) = companies.take();
        let (new_tags, tags) = tags(dice, year, std::mem::take(&mut taken.tags))?;
        let mut people = Pairs::people(dice);
        let domain = format!("{}-it.example", address_part(own));
        let technicians = (0..shape.technicians).map(|_| technician(dice, &mut people, &domain, year));
        let technicians = technicians.collect::<Result<_>>()?;
        // Not among the first, which have the most work.
        let internal = shape.clients / 4;
        let accounts = (0..shape.clients).map(|at| {
            let (name, kind) = if at == internal {
                (format!("{own} Managed IT"), ClientType::Internal)
            } else {
                let (company, trade) = companies.take();
                (format!("{company} {trade}"), dice.weighted(&[(ClientType::MspClient, 96), (ClientType::Project, 4)]))
            };
            account(dice, &mut people, &free(&name, &mut taken.clients), kind, year)
        });
        let accounts = accounts.collect::<Result<_>>()?;
        Ok(Self { technicians, accounts, new_tags, tags })
    }
}

/// The name, with a number behind it if it is taken; taken from then on.
fn free(name: &str, taken: &mut HashSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while !taken.insert(text::fold(&free)) {
        number += 1;
        free = format!("{name} {number}");
    }
    free
}

fn tags(dice: &mut Dice, year: Year, existing: Vec<Tag>) -> Result<(Vec<Tag>, HashMap<String, Tag>)> {
    let mut known: HashMap<String, Tag> = existing.into_iter().map(|tag| (tag.name.clone(), tag)).collect();
    let mut new = Vec::new();
    for (name, category) in jobs::TAGS {
        if !known.contains_key(name) {
            let made = in_office_hours(dice, year.day(-400));
            let fields = TagFields {
                name: Some(name.to_owned()),
                category: Patch::Set(category),
                description: Patch::Set(format!("Work that has to do with {}.", name.replace('-', " "))),
            };
            let tag = Tag::new(dice.id(made), fields, made)?;
            known.insert(tag.name.clone(), tag.clone());
            new.push(tag);
        }
    }
    Ok((new, known))
}

fn technician(dice: &mut Dice, people: &mut Pairs, domain: &str, year: Year) -> Result<Technician> {
    let (first, last) = people.take();
    let account = format!("{}.{}", address_part(first), address_part(last));
    let platform = dice.weighted(&[(Platform::Win32, 6), (Platform::Darwin, 2), (Platform::Linux, 2)]);
    let (system, shell) = match platform {
        Platform::Win32 => ("Windows 11 Pro 24H2", "pwsh"),
        Platform::Darwin => ("macOS 15.6", "zsh"),
        Platform::Linux => ("Ubuntu 24.04 LTS", "bash"),
    };
    let initial = &host_prefix(first)[..1];
    let made = year.day(-dice.between(1, 300));
    let made = in_office_hours(dice, made);
    let fields = MachineFields {
        hostname: Some(format!("LT-{initial}{}", last.to_uppercase())),
        machine_fingerprint: Some(dice.fingerprint()),
        platform: Some(platform),
        os_version: Patch::Set(system.to_owned()),
        username: Patch::Set(account.clone()),
        friendly_name: Patch::Set(format!("{first}'s laptop")),
        has_vpn_access: Some(dice.percent(80)),
        vpn_profiles: Some(vec!["office".to_owned(), "data-center".to_owned()]),
        has_docker: Some(dice.percent(30)),
        powershell_version: (platform == Platform::Win32).then(|| "7.5.2".to_owned()).into(),
        preferred_shell: Patch::Set(shell.to_owned()),
        ..MachineFields::default()
    };
    let machine = Machine::new(dice.id(made), fields, made)?;
    let seen = in_office_hours(dice, year.last);
    let machine = machine.change(MachineFields { last_seen: Some(seen), ..MachineFields::default() }, seen)?;
    Ok(Technician { email: format!("{account}@{domain}"), machine })
}

fn account(dice: &mut Dice, people: &mut Pairs, name: &str, kind: ClientType, year: Year) -> Result<Account> {
    let (first, last) = people.take();
    let domain = format!("{}.example", address_part(name));
    let made = year.day(-dice.between(100, 1200));
    let made = in_office_hours(dice, made);
    let rate = Money::from_ten_thousandths(dice.between(18, 38) * 50_000);
    let numbers = (dice.below(250), dice.below(250), dice.below(100), dice.between(10_000, 99_999));
    let fields = ClientFields {
        client_type: Some(kind),
        network_subnet: Patch::Set(format!("10.{}.{}.0/24", numbers.0, numbers.1)),
        domain_name: Patch::Set(domain.clone()),
        primary_contact: Patch::Set(format!("{first} {last}")),
        contact_email: Patch::Set(format!("{}.{}@{domain}", address_part(first), address_part(last))),
        contact_phone: Patch::Set(format!("+1 555 01{:02}", numbers.2)),
        hourly_rate: Patch::Set(rate),
        billing_increment_minutes: Some(dice.weighted(&[(15, 60), (30, 20), (6, 12), (60, 8)])),
        billing_rounding: Some(dice.weighted(&[
            (BillingRounding::Up, 75),
            (BillingRounding::Nearest, 20),
            (BillingRounding::None, 5),
        ])),
        currency: Some(dice.weighted(&[("USD", 90), ("CAD", 6), ("EUR", 4)]).to_owned()),
        external_ids: Some(BTreeMap::from([("psa".to_owned(), numbers.3.to_string())])),
        name: Some(name.to_owned()),
        ..ClientFields::default()
    };
    let mut client = Client::new(dice.id(made), fields, made)?;
    let leaves = kind == ClientType::MspClient && dice.percent(4);
    let left_on = leaves.then(|| year.day(dice.between(60, 330)));
    if let Some(day) = left_on {
        let gone = ClientFields { is_active: Some(false), ..ClientFields::default() };
        client = client.change(gone, in_office_hours(dice, day))?;
    }
    let projects = projects(dice, &client, left_on, year)?;
    let rule = BillingRule::from(&client);
    Ok(Account { client, rule, left_on, projects, prefix: host_prefix(name), last_task: None })
}

fn projects(dice: &mut Dice, client: &Client, left_on: Option<NaiveDate>, year: Year) -> Result<Vec<Undertaking>> {
    let (count, offset) = (usize::try_from(dice.between(2, 5)).unwrap_or(2), dice.index(jobs::PROJECTS.len()));
    let named = jobs::PROJECTS.iter().cycle().skip(offset).step_by(5).take(count);
    named.map(|about| project(dice, client, *about, left_on.unwrap_or(year.last), year)).collect()
}

/// A project of the client, who stays until `stays`.
fn project(
    dice: &mut Dice,
    client: &Client,
    (name, category, hours): (&str, &str, i64),
    stays: NaiveDate,
    year: Year,
) -> Result<Undertaking> {
    let started = year.day(dice.between(-60, 400));
    let started = if stays < year.last { started.min(stays) } else { started };
    let due = plus_days(started, dice.between(25, 150));
    let made = plus_days(started, -dice.between(5, 30)).min(year.last);
    let made = in_office_hours(dice, made);
    let fields = ProjectFields {
        client_id: Some(client.id),
        name: Some(name.to_owned()),
        category: Patch::Set(category.to_owned()),
        status: Some(if started > year.last { ProjectStatus::Planned } else { ProjectStatus::Active }),
        priority: Some(priority(dice)),
        started_on: Patch::Set(started),
        due_date: Patch::Set(due),
        estimated_hours: Patch::Set(Hours::from_hundredths(hours * 100)),
        ..ProjectFields::default()
    };
    let mut project = Project::new(dice.id(made), fields, made)?;
    // Some are done before they are due, some after.
    let ends = plus_days(due, dice.between(-12, 25)).max(started);
    let status = if ends <= stays {
        dice.weighted(&[(Some(ProjectStatus::Completed), 88), (Some(ProjectStatus::Cancelled), 8), (None, 4)])
    } else if stays < year.last {
        Some(ProjectStatus::Cancelled)
    } else {
        dice.weighted(&[(None, 85), (Some(ProjectStatus::OnHold), 15)])
    };
    let ends = ends.min(stays);
    if let Some(status) = status.filter(|_| project.status == ProjectStatus::Active) {
        let completed_on = (status == ProjectStatus::Completed).then_some(ends).into();
        let fields = ProjectFields { status: Some(status), completed_on, ..ProjectFields::default() };
        project = project.change(fields, in_office_hours(dice, ends))?;
    }
    Ok(Undertaking { project, days: (started, ends) })
}

/// How much something matters.
pub(crate) fn priority(dice: &mut Dice) -> Priority {
    dice.weighted(&[(Priority::Low, 20), (Priority::Medium, 55), (Priority::High, 20), (Priority::Critical, 5)])
}
