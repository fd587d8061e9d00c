//! The suite of [`crate::ports::ProjectRepository`].

use chrono::NaiveDate;
use claudetools_kernel::{
    Hours, Id, Money, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store, client::client, session::session};
use crate::{
    Client, Priority, Project, ProjectFields, ProjectFilter, ProjectRow, ProjectStatus, ProjectTotals, Session,
};

/// The `n`th project of a suite, with the least that it needs.
pub(crate) fn project(n: u128, of: &Client, name: &str) -> Project {
    let fields = ProjectFields { client_id: Some(of.id), name: Some(name.to_owned()), ..ProjectFields::default() };
    Project::new(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid project")
}

fn full(of: &Client) -> Project {
    let set = |text: &str| Patch::Set(text.to_owned());
    let day = |n| Patch::Set(NaiveDate::from_ymd_opt(2026, 2, n).expect("a day"));
    let fields = ProjectFields {
        client_id: Some(of.id),
        name: Some("Büro & Umzug 100%".to_owned()),
        slug: Some("umzug-1".to_owned()),
        category: set("Migration"),
        description: set("first line\nsecond line"),
        status: Some(ProjectStatus::Completed),
        priority: Some(Priority::Critical),
        started_on: day(1),
        due_date: day(28),
        completed_on: day(27),
        estimated_hours: Patch::Set(Hours::from_hundredths(12_350)),
        hourly_rate: Patch::Set(Money::parse("0.0001").expect("money")),
        notes: set("anything"),
    };
    Project::new(Id::new(uuid(50)), fields, at(50)).expect("a valid project")
}

/// The rules of the repository of projects.
pub async fn projects(store: Store<'_>) -> Outcome {
    let (acme, zeta) = (client(1, "Acme"), client(2, "Zeta"));
    let mut tx = store.begin().await?;
    tx.clients().add(&acme).await?;
    tx.clients().add(&zeta).await?;
    tx.commit().await?;
    round_trips(store, &acme).await?;
    keeps_names_and_slugs_unique_within_a_client(store, &acme, &zeta).await?;
    saves_only_the_next_revision(store, &acme).await?;
    pages_and_filters(store, &acme, &zeta).await?;
    sums_its_sessions(store, &acme).await?;
    holds_its_client(store, &acme).await
}

async fn round_trips(store: Store<'_>, acme: &Client) -> Outcome {
    let project = full(acme);
    let mut tx = store.begin().await?;
    tx.projects().add(&project).await?;
    drop(tx);
    assert_eq!(store.read().await?.projects().lookup(project.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.projects().add(&project).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.projects().lookup(project.id).await?, Some(project.clone()), "every field comes back");
    let row = ProjectRow::new(project.clone(), acme);
    assert_eq!(tx.projects().row(project.id).await?, Some(row), "with the client's name and rule");
    assert_eq!(tx.projects().totals(project.id).await?, ProjectTotals::default(), "nothing was done for it yet");
    assert_eq!(tx.projects().referrers(project.id).await?, [], "nothing refers to it yet");
    assert!(tx.projects().remove(project.id).await?, "there was a row to remove");
    assert!(!tx.projects().remove(project.id).await?, "and then none");
    assert_eq!(tx.projects().row(project.id).await?, None);
    tx.commit().await
}

async fn keeps_names_and_slugs_unique_within_a_client(store: Store<'_>, acme: &Client, zeta: &Client) -> Outcome {
    let first = project(10, acme, "École Émile");
    let mut tx = store.begin().await?;
    tx.projects().add(&first).await?;
    tx.projects().add(&project(11, zeta, "École Émile")).await?;
    assert_eq!(tx.projects().by_name(acme.id, "école émile").await?, Some(first.id), "names are found folded");
    assert_eq!(tx.projects().by_name(acme.id, "ecole emile").await?, None, "accents tell names apart");
    assert_eq!(tx.projects().by_slug(acme.id, "ecole-emile").await?, Some(first.id));
    assert_eq!(tx.projects().by_slug(acme.id, "ecole").await?, None, "slugs are found whole");
    assert_eq!(tx.projects().by_slug(zeta.id, "ecole-emile").await?, Some(Id::new(uuid(11))), "each client its own");
    assert_eq!(tx.projects().slugs(acme.id, "ecole").await?, ["ecole-emile"]);
    assert_eq!(tx.projects().slugs(acme.id, "cole").await?, Vec::<String>::new(), "from the beginning only");
    tx.commit().await?;

    let same_name = Project { slug: "another".to_owned(), ..project(12, acme, "ÉCOLE ÉMILE") };
    let mut tx = store.begin().await?;
    met_another_writer(tx.projects().add(&same_name).await);
    drop(tx);
    let same_slug = Project { slug: first.slug, ..project(13, acme, "Another") };
    let mut tx = store.begin().await?;
    met_another_writer(tx.projects().add(&same_slug).await);
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>, acme: &Client) -> Outcome {
    let first = project(10, acme, "École Émile");
    let rename = |name: &str| ProjectFields { name: Some(name.to_owned()), ..ProjectFields::default() };
    let changed = first.clone().change(rename("Lycée"), at(50)).expect("a valid change");
    let mut tx = store.begin().await?;
    tx.projects().save(&changed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.projects().lookup(first.id).await?, Some(changed), "the change is there");

    let stale = first.change(rename("Collège"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.projects().save(&stale).await, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);
    let missing = project(77, acme, "Nothing").change(rename("Still nothing"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.projects().save(&missing).await, Err(StoreError::Contention(_))), "a missing row is told");
    Ok(())
}

async fn pages_and_filters(store: Store<'_>, acme: &Client, zeta: &Client) -> Outcome {
    let mut tx = store.begin().await?;
    tx.projects().remove(Id::new(uuid(10))).await?;
    tx.projects().remove(Id::new(uuid(11))).await?;
    let row = |of: &Client, project| ProjectRow::new(project, of);
    let mut rows = vec![row(acme, full(acme))];
    for (n, name) in (20..).zip(["alpha", "Beta", "gamma 50%", "Delta_1"]) {
        rows.push(row(acme, project(n, acme, name)));
    }
    // The same name and the same instant as another's, so that only the id decides.
    rows.push(row(zeta, Project { created_at: at(20), ..project(30, zeta, "ALPHA") }));
    for row in &rows {
        tx.projects().add(&row.project).await?;
    }
    tx.commit().await?;

    let text = |q: &str| ProjectFilter { q: Some(q.to_owned()), ..ProjectFilter::default() };
    let filters = [
        (ProjectFilter::default(), 6),
        (ProjectFilter { client_id: Some(zeta.id), ..ProjectFilter::default() }, 1),
        (ProjectFilter { status: Some(ProjectStatus::Active), ..ProjectFilter::default() }, 5),
        (ProjectFilter { client_id: Some(acme.id), status: Some(ProjectStatus::Active), ..text("ALPHA") }, 1),
        (text("%"), 2),
        (text("_"), 1),
        (text("BÜRO"), 1),
        (text("umzug-1"), 1),
        (text("migration"), 1),
        (text("SECOND line"), 1),
        (text("Anything"), 1),
        (text("nowhere!"), 0),
    ];
    for (filter, expected) in filters {
        let admitted: Vec<ProjectRow> = rows.iter().filter(|row| filter.admits(&row.project)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.projects().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}

async fn sums_its_sessions(store: Store<'_>, acme: &Client) -> Outcome {
    let id = full(acme).id;
    let of = |n, project_id, duration_minutes| Session { project_id, duration_minutes, ..session(n, "Move", 1) };
    let mut tx = store.begin().await?;
    tx.sessions().add(&of(70, Some(id), Some(90))).await?;
    tx.sessions().add(&of(71, Some(id), None)).await?;
    assert_eq!(tx.projects().totals(id).await?, ProjectTotals { sessions: 2, minutes: 90 }, "open sessions count too");
    tx.sessions().add(&of(72, Some(id), Some(31))).await?;
    tx.sessions().add(&of(73, None, Some(7))).await?;
    assert_eq!(tx.projects().totals(id).await?, ProjectTotals { sessions: 3, minutes: 121 });
    let referrers = tx.projects().referrers(id).await?;
    let told: Vec<_> = referrers.iter().map(|referrer| (referrer.resource_type, referrer.count)).collect();
    assert_eq!(told, [("session", 3)], "a project is told what refers to it");
    Ok(())
}

async fn holds_its_client(store: Store<'_>, acme: &Client) -> Outcome {
    let mut tx = store.begin().await?;
    let referrers = tx.clients().referrers(acme.id).await?;
    let told: Vec<_> = referrers.iter().map(|referrer| (referrer.resource_type, referrer.count)).collect();
    assert_eq!(told, [("project", 5)], "a client is told what refers to it");
    let stray = project(60, &client(99, "Nobody"), "Stray");
    met_another_writer(tx.projects().add(&stray).await);
    Ok(())
}
