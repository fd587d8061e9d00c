//! The inventory of `NetBox` out of a file.

use serde_json::json;

use crate::program::Site;

#[tokio::test]
async fn an_inventory_is_taken_over_once_however_often_it_is_imported() {
    let site = Site::new();
    let server = site.serve().await;
    let admin = server.admin().await;
    let objects = json!([
        {"model": "tenancy.tenant", "pk": 1, "fields": {"name": "Acme"}},
        {"model": "dcim.site", "pk": 1, "fields": {"name": "Main", "tenant": 1}},
        {"model": "ipam.prefix", "pk": 1, "fields": {"prefix": "10.0.0.0/24", "status": "active", "site": 1}},
        {"model": "ipam.vlan", "pk": 7, "fields": {"vid": 7, "name": "Voice"}},
        {"model": "dcim.cable", "pk": 1, "fields": {}},
    ]);
    std::fs::write(site.path("netbox.json"), objects.to_string()).expect("the file");
    let import = ["import", "netbox", "netbox.json"];

    let tried = site.run(&[&import[..], &["--dry-run"]].concat()).await;
    assert!(tried.out.contains("dry run") && tried.out.contains("dcim.cable: 1, not taken over"), "{tried:?}");
    assert!(tried.out.contains("SKIPPED   ipam.vlan 7  Voice (7): no prefix names it"), "{tried:?}");
    assert_eq!(admin.get("/clients").await.expect(200)["total"], 0);

    site.run(&import).await;
    let networks = admin.get("/networks").await.expect(200);
    assert_eq!((&networks["total"], &networks["networks"][0]["client_name"]), (&json!(1), &json!("Acme")));
    assert_eq!(networks["networks"][0]["site_name"], "Main");
    let again = site.run(&import).await;
    let line = again.out.lines().find(|line| line.starts_with("dcim.site")).expect("a line for sites");
    let counts: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(counts, ["1", "0", "0", "1", "0", "0"], "seen, created, changed, unchanged, merged, skipped");
    assert_eq!(admin.get("/networks").await.expect(200), networks);

    site.run(&["import", "netbox", "none.json"]).await.failure("none.json");
    std::fs::write(site.path("other.json"), "{}").expect("the file");
    site.run(&["import", "netbox", "other.json"]).await.failure("not a dump of NetBox");
    server.stop().await;
}
