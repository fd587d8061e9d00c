//! What `deploy/` holds is whole and fits the program.

use std::{collections::BTreeSet, path::Path};

use claudetools_server::config::SETTINGS;
use yaml_rust2::{Yaml, YamlLoader};

use crate::{
    examples::tools_are_here,
    program::{Site, repository},
};

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join("deploy").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The only document of a file.
fn yaml(name: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(documents.len(), 1, "{name} has one document");
    documents.remove(0)
}

/// The keys of a map, each one a setting of the program.
fn settings_of(place: &str, map: &Yaml) -> BTreeSet<String> {
    let known: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    let map = map.as_hash().unwrap_or_else(|| panic!("{place} is no map"));
    let names: BTreeSet<String> = map.keys().map(|name| name.as_str().expect("a name").to_owned()).collect();
    let unknown: Vec<_> = names.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "{place}: {unknown:?} are no settings of the program");
    names
}

/// The value that another file takes from the environment is asked for in the example of it.
fn variables(text: &str) -> BTreeSet<&str> {
    let parts = text.split("${").skip(1);
    parts
        .filter_map(|part| part.split(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit()).next())
        .collect()
}

const SHARED: [&str; 7] = [
    "DATABASE_URL",
    "JWT_SECRET_KEY",
    "MASTER_KEYS",
    "RATE_LIMIT_BACKEND",
    "RATE_LIMIT_REDIS_URL",
    "BEHIND_TLS_PROXY",
    "TRUSTED_PROXIES",
];

#[test]
fn the_compose_file_gives_every_replica_what_replicas_share_under_names_that_exist() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_hash().expect("services");
    let replicas: Vec<_> =
        services.keys().filter(|name| name.as_str().is_some_and(|n| n.starts_with("replica"))).collect();
    assert_eq!(replicas.len(), 2);
    for replica in replicas {
        let service = &services[replica];
        let names = settings_of("compose.yaml", &service["environment"]);
        assert!(SHARED.iter().all(|name| names.contains(*name)), "{names:?}");
        assert_eq!(service["read_only"].as_bool(), Some(true));
    }
    let text = read("compose.yaml");
    let example = read("secrets.example.env");
    let given: BTreeSet<&str> = example.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(variables(&text), given, "what compose.yaml asks for is in secrets.example.env, and nothing else");
    for (name, value) in example.lines().filter_map(|line| line.split_once('=')) {
        assert!(name.starts_with('#') || value.is_empty(), "{name} has a value that somebody would use");
    }
    // The balancer is told where to listen and whom to ask.
    let proxy = &compose["services"]["proxy"]["environment"];
    for name in variables(&read("haproxy/haproxy.cfg")) {
        assert!(proxy[name].as_str().is_some(), "{name} of haproxy.cfg is not set");
    }
}

#[test]
fn the_manifests_name_settings_that_exist_and_probes_that_are_served() {
    let listed = yaml("kubernetes/kustomization.yaml");
    let mut kinds = BTreeSet::new();
    let mut names = BTreeSet::new();
    for file in listed["resources"].as_vec().expect("resources") {
        let file = file.as_str().expect("a file");
        let file = if file == "secret.yaml" { "secret.example.yaml" } else { file };
        let manifest = yaml(&format!("kubernetes/{file}"));
        let kind = manifest["kind"].as_str().expect("a kind").to_owned();
        assert!(manifest["apiVersion"].as_str().is_some() && manifest["metadata"]["name"].as_str().is_some(), "{file}");
        match kind.as_str() {
            "ConfigMap" => names.extend(settings_of(file, &manifest["data"])),
            "Secret" => names.extend(settings_of(file, &manifest["stringData"])),
            "Deployment" => pods_are_confined_and_probed(&manifest["spec"]["template"]["spec"]),
            _ => {}
        }
        kinds.insert(kind);
    }
    let wanted =
        ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Namespace", "PodDisruptionBudget", "Secret", "Service"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert!(SHARED.iter().all(|name| names.contains(*name)), "{names:?}");
    let secret = read("kubernetes/secret.example.yaml");
    assert_eq!(secret.matches("REPLACE-").count(), 8, "whatever is secret or local is marked, and no more than that");
}

fn pods_are_confined_and_probed(pod: &Yaml) {
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"].as_bool(), Some(false));
    for (probe, path) in [("livenessProbe", "/healthz"), ("startupProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"].as_str(), Some(path), "{probe}");
    }
}

#[tokio::test]
async fn the_scripts_and_the_balancers_configuration_can_be_read_by_what_runs_them() {
    let deploy = repository().join("deploy");
    let site = Site::bare();
    for script in ["backup.sh", "restore.sh", "replicas.sh", "lib/database.sh"] {
        let path = deploy.join(script).display().to_string();
        site.shell(&["bash", "-n"], &path, &[]).await.success();
    }
    let Some(haproxy) =
        ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].into_iter().find(|path| Path::new(path).is_file())
    else {
        tools_are_here(&["haproxy"]);
        return;
    };
    let configuration = deploy.join("haproxy/haproxy.cfg").display().to_string();
    let variables = [("PROXY_BIND", "127.0.0.1:1"), ("REPLICA_1", "127.0.0.1:1"), ("REPLICA_2", "127.0.0.1:2")];
    site.shell(&[haproxy, "-c", "-f"], &configuration, &variables).await.success();
}
