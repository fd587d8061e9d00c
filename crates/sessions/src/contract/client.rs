//! The suite of [`crate::ports::ClientRepository`].

use std::collections::BTreeMap;

use claudetools_kernel::{
    Id, Money, Patch, StoreError,
    contract::{at, lists_agree, met_another_writer, uuid},
};

use super::{Outcome, Store};
use crate::{BillingRounding, Client, ClientFields, ClientFilter, ClientType};

/// The `n`th client of a suite, with the least that it needs.
pub(crate) fn client(n: u128, name: &str) -> Client {
    let fields = ClientFields {
        name: Some(name.to_owned()),
        client_type: Some(ClientType::MspClient),
        ..ClientFields::default()
    };
    Client::new(Id::new(uuid(n)), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid client")
}

fn full() -> Client {
    let set = |text: &str| Patch::Set(text.to_owned());
    let fields = ClientFields {
        name: Some("Ünïcode & Söhne 100%".to_owned()),
        client_type: Some(ClientType::Project),
        network_subnet: set("2001:db8::/32"),
        domain_name: set("acme.example"),
        primary_contact: set("Jo"),
        contact_email: set("jo@acme.example"),
        contact_phone: set("+1 555 0100"),
        notes: set("first line\nsecond line"),
        is_active: Some(false),
        hourly_rate: Patch::Set(Money::parse("125.5").expect("money")),
        billing_increment_minutes: Some(6),
        billing_rounding: Some(BillingRounding::Nearest),
        currency: Some("EUR".to_owned()),
        time_zone: set("America/Argentina/ComodRivadavia"),
        external_ids: Some(BTreeMap::from([("psa".to_owned(), "4711".to_owned())])),
    };
    Client::new(Id::new(uuid(9)), fields, at(9)).expect("a valid client")
}

/// The rules of the repository of clients.
pub async fn clients(store: Store<'_>) -> Outcome {
    round_trips(store).await?;
    keeps_names_unique(store).await?;
    saves_only_the_next_revision(store).await?;
    pages_and_filters(store).await
}

async fn round_trips(store: Store<'_>) -> Outcome {
    let client = full();
    let mut tx = store.begin().await?;
    tx.clients().add(&client).await?;
    drop(tx);
    assert_eq!(store.read().await?.clients().lookup(client.id).await?, None, "dropping a transaction undoes it");

    let mut tx = store.begin().await?;
    tx.clients().add(&client).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert_eq!(tx.clients().lookup(client.id).await?, Some(client.clone()), "every field comes back");
    assert_eq!(tx.clients().referrers(client.id).await?, [], "nothing refers to it yet");
    assert!(tx.clients().remove(client.id).await?, "there was a row to remove");
    assert!(!tx.clients().remove(client.id).await?, "and then none");
    tx.commit().await
}

async fn keeps_names_unique(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.clients().add(&client(1, "École Émile")).await?;
    assert_eq!(tx.clients().by_name("école émile").await?, Some(Id::new(uuid(1))), "names are found folded");
    assert_eq!(tx.clients().by_name("ecole emile").await?, None, "accents tell names apart");
    tx.commit().await?;
    let mut tx = store.begin().await?;
    met_another_writer(tx.clients().add(&client(2, "ÉCOLE ÉMILE")).await);
    Ok(())
}

async fn saves_only_the_next_revision(store: Store<'_>) -> Outcome {
    let first = client(1, "École Émile");
    let rename = |name: &str| ClientFields { name: Some(name.to_owned()), ..ClientFields::default() };
    let changed = first.clone().change(rename("Lycée"), at(50)).expect("a valid change");
    let mut tx = store.begin().await?;
    tx.clients().save(&changed).await?;
    tx.commit().await?;
    assert_eq!(store.read().await?.clients().lookup(first.id).await?, Some(changed), "the change is there");

    let stale = first.change(rename("Collège"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.clients().save(&stale).await, Err(StoreError::Contention(_))), "the second writer is told");
    drop(tx);
    let missing = client(77, "Nobody").change(rename("Still nobody"), at(60)).expect("a valid change");
    let mut tx = store.begin().await?;
    assert!(matches!(tx.clients().save(&missing).await, Err(StoreError::Contention(_))), "a missing row is told");
    Ok(())
}

async fn pages_and_filters(store: Store<'_>) -> Outcome {
    let mut tx = store.begin().await?;
    tx.clients().remove(Id::new(uuid(1))).await?;
    let names = ["alpha", "Beta", "gamma 50%", "Delta_1", "ALPHABET"];
    let mut rows = vec![full()];
    rows.extend(names.iter().zip(10..).map(|(name, n)| client(n, name)));
    for row in &rows {
        tx.clients().add(row).await?;
    }
    tx.commit().await?;

    let text = |q: &str| ClientFilter { q: Some(q.to_owned()), ..ClientFilter::default() };
    let filters = [
        (ClientFilter::default(), 6),
        (ClientFilter { client_type: Some(ClientType::Project), ..ClientFilter::default() }, 1),
        (ClientFilter { is_active: Some(true), ..ClientFilter::default() }, 5),
        (ClientFilter { is_active: Some(true), ..text("ALPHA") }, 2),
        (text("%"), 2),
        (text("_"), 1),
        (text("söhne"), 1),
        (text("SECOND line"), 1),
        (text("nowhere!"), 0),
    ];
    for (filter, expected) in filters {
        let admitted: Vec<Client> = rows.iter().filter(|row| filter.admits(row)).cloned().collect();
        assert_eq!(admitted.len(), expected, "{filter:?}");
        lists_agree(admitted, async |request| {
            let mut tx = store.read().await.expect("a reader");
            tx.clients().list(&filter, &request).await.expect("a page")
        })
        .await;
    }
    Ok(())
}
