use std::collections::BTreeMap;

use claudetools_kernel::{Faults, Patch, Secret, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{Credential, CredentialType, SecretField, Secrets};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn good(format: ImportFormat, text: impl AsRef<[u8]>) -> Vec<ImportedCredential> {
    parse(format, text.as_ref()).unwrap().into_iter().map(|row| row.unwrap()).collect()
}

fn secret(credential: &ImportedCredential, field: SecretField) -> Option<String> {
    let secrets = Secrets::default().change(credential.secrets.clone(), &mut Faults::default());
    secrets.text(field).map(|text| text.expose().to_owned())
}

fn custom(credential: &ImportedCredential) -> BTreeMap<String, String> {
    let fields = credential.secrets.custom_fields.value().cloned().unwrap_or_default();
    fields.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect()
}

/// Every row that is read can be entered.
fn enter(credential: &ImportedCredential) {
    let mut faults = Faults::default();
    let now = Timestamp::from_micros(0).unwrap();
    let id = claudetools_kernel::Id::new(uuid::Uuid::nil());
    let entered = Credential::new(id, credential.fields.clone(), now, &mut faults);
    let secrets = Secrets::default().change(credential.secrets.clone(), &mut faults);
    assert!(faults.is_empty(), "{faults}");
    assert!(secrets.fields().list().len() <= SecretField::CustomFields as usize + 1);
    assert_eq!(Some(entered.service_name), credential.fields.service_name);
}

#[test]
fn an_export_of_it_glue_is_read_by_the_names_of_its_columns() {
    let table = "\u{feff}id,organization,name,password_category,username,password,url,notes,resource_type,otp_secret,archived\r\n\
        17,Acme Ltd,Firewall,Network,admin,\"p,a\"\"s\nword \",https://fw.acme.example,\"line 1\r\nline 2\",Configuration,GEZDGNBVGY3TQOJQ,No\r\n\
        18,Acme Ltd,Old,,,,,,,,Yes\r\n";
    let rows = good(ImportFormat::Csv, table);
    assert_eq!(rows.len(), 2);
    let first = &rows[0];
    assert_eq!((first.row, first.client.as_deref(), first.name()), (1, Some("Acme Ltd"), "Firewall"));
    assert_eq!(first.fields.username, Patch::Set("admin".to_owned()));
    assert_eq!(first.fields.external_url, Patch::Set("https://fw.acme.example".to_owned()));
    assert_eq!(first.fields.credential_type, Some(CredentialType::Password));
    assert_eq!(first.fields.tags, Some(vec!["Network".to_owned()]));
    assert_eq!(secret(first, SecretField::Password).unwrap(), "p,a\"s\nword ");
    assert_eq!(secret(first, SecretField::SecretNotes).unwrap(), "line 1\r\nline 2");
    assert_eq!(secret(first, SecretField::TotpSecret).unwrap(), "GEZDGNBVGY3TQOJQ");
    assert_eq!(custom(first), [("id", "17"), ("resource_type", "Configuration")].map(owned).into());
    assert_eq!(first.adjustments, Vec::<String>::new());
    // A password that is blank is kept as one that is empty.
    assert_eq!(secret(&rows[1], SecretField::Password).unwrap(), "");
    assert_eq!(rows[1].fields.is_active, Some(false));
    rows.iter().for_each(enter);
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn an_export_of_hudu_is_read_whatever_the_case_and_the_separator() {
    let table = "Company Name;Name;Username;Password;URL;Description;OTP Secret;Password Type\n\
        Bolt;NAS;root;x;nas.bolt.example;in the rack;not base32!;Server\n";
    let rows = good(ImportFormat::Csv, table);
    assert_eq!((rows[0].client.as_deref(), rows[0].name()), (Some("Bolt"), "NAS"));
    assert_eq!(secret(&rows[0], SecretField::SecretNotes).unwrap(), "in the rack");
    assert_eq!(secret(&rows[0], SecretField::TotpSecret), None);
    assert_eq!(custom(&rows[0])["otp"], "not base32!");
    assert!(rows[0].adjustments[0].contains("totp_secret"), "{:?}", rows[0].adjustments);
    enter(&rows[0]);
}

#[test]
fn what_does_not_fit_is_kept_whole_in_a_custom_field() {
    let long = "n".repeat(300);
    let table = format!(
        "name,username,password,url,{long}\n{long},\"two\nlines\",s3cret,https://joe:geheim@host.example/x,own\n  ,,,,\n"
    );
    let rows = good(ImportFormat::Csv, table);
    assert_eq!(rows[0].name(), "n".repeat(255));
    assert_eq!(rows[0].fields.username, Patch::Set("two lines".to_owned()));
    assert_eq!(rows[0].fields.external_url, Patch::Keep);
    let kept = custom(&rows[0]);
    assert_eq!(kept["original name"], long);
    assert_eq!(kept["original username"], "two\nlines");
    assert_eq!(kept["original url"], "https://joe:geheim@host.example/x");
    assert_eq!(kept["n".repeat(247).as_str()], format!("{long}: own"));
    assert_eq!(rows[0].adjustments.len(), 4);
    assert!(!rows[0].adjustments.concat().contains("geheim"));
    assert_eq!(rows[1].name(), "unnamed 2");
    rows.iter().for_each(enter);
}

#[test]
fn a_row_that_cannot_be_taken_is_told_and_the_others_are_read() {
    let mut table = b"name,password\nA,x\nB,\xff\xfe\nC,".to_vec();
    table.extend("y".repeat(70_000).as_bytes());
    table.extend(b"\nD,z,more\nE\n");
    let rows = parse(ImportFormat::Csv, &table).unwrap();
    assert_eq!(rows.len(), 5);
    assert!(rows[0].is_ok());
    assert_eq!(rows[1].as_ref().unwrap_err().row, 2);
    assert!(rows[1].as_ref().unwrap_err().to_string().contains("not UTF-8"));
    assert!(rows[2].as_ref().unwrap_err().to_string().contains("65536"));
    assert_eq!(custom(rows[3].as_ref().unwrap())["column without a name"], "more");
    let short = rows[4].as_ref().unwrap();
    assert_eq!(secret(short, SecretField::Password), None);
    assert_eq!(short.adjustments, ["has fewer columns than the first row"]);
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    for (format, bytes, wanted) in [
        (ImportFormat::Csv, &b""[..], "row of column names"),
        (ImportFormat::Csv, b"a,b\n1,2\n", "row of column names"),
        (ImportFormat::Csv, b"\xff\xfen\0a\0", "CSV UTF-8"),
        (ImportFormat::Keepass, b"", "no element KeePassFile"),
        (ImportFormat::Keepass, b"<a><b></a>", "no XML"),
        (ImportFormat::Keepass, b"<KeePassFile><Root>", "cut off"),
        (ImportFormat::Keepass, b"<!DOCTYPE a [<!ENTITY b \"c\">]><KeePassFile/>", "document type"),
        (ImportFormat::Keepass, b"<KeePassFile>&lol;</KeePassFile>", "entity"),
        (ImportFormat::Bitwarden, b"{\"items\":[", "unexpected JSON"),
        (ImportFormat::Bitwarden, b"{}", "`items`"),
        (ImportFormat::Bitwarden, b"{\"encrypted\":true,\"data\":\"2.x\"}", "encrypted"),
    ] {
        let fault = parse(format, bytes).unwrap_err().to_string();
        assert!(fault.contains(wanted), "{fault}");
    }
}

#[test]
fn keepass_entries_come_with_their_groups_and_without_their_history() {
    let xml = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<KeePassFile><Meta><RecycleBinUUID>bin==</RecycleBinUUID></Meta><Root><Group><UUID>r</UUID><Name>Database</Name>
<Entry><UUID>e</UUID><Tags>prod;vpn</Tags>
  <Times><Expires>True</Expires><ExpiryTime>2027-01-02T03:04:05Z</ExpiryTime></Times>
  <String><Key>Title</Key><Value>Mail &amp; &#x41;</Value></String>
  <String><Key>Password</Key><Value ProtectInMemory="True"> a&lt;b
c </Value></String>
  <String><Key>Empty</Key><Value /></String>
  <String><Key>TimeOtp-Secret-Base32</Key><Value>{SEED}</Value></String>
  <String><Key>TimeOtp-Algorithm</Key><Value>HMAC-SHA-256</Value></String>
  <String><Key>TimeOtp-Length</Key><Value>8</Value></String>
  <Binary><Key>a.pem</Key><Value Ref="0"/></Binary>
  <History><Entry><String><Key>Title</Key><Value>former</Value></String></Entry></History>
</Entry>
<Group><UUID>g</UUID><Name>Infra</Name><Group><Name>Firewalls</Name>
  <Entry><String><Key>Title</Key><Value><![CDATA[<FW>]]></Value></String>
  <String><Key>Password</Key><Value></Value></String>
  <String><Key>otp</Key><Value>otpauth://totp/x?secret={SEED}</Value></String></Entry>
</Group></Group>
<Group><UUID>bin==</UUID><Name>Recycle Bin</Name><Entry><String><Key>Title</Key><Value>gone</Value></String></Entry></Group>
</Group></Root></KeePassFile>"#
    );
    let rows = good(ImportFormat::Keepass, xml);
    assert_eq!(rows.iter().map(ImportedCredential::name).collect::<Vec<_>>(), ["Mail & A", "<FW>", "gone"]);
    assert_eq!(secret(&rows[0], SecretField::Password).unwrap(), " a<b\nc ");
    assert_eq!(
        secret(&rows[0], SecretField::TotpSecret).unwrap(),
        format!("otpauth://totp/KeePass?secret={SEED}&digits=8&algorithm=SHA256")
    );
    assert_eq!(custom(&rows[0]), [("Empty", "")].map(owned).into());
    assert_eq!(rows[0].fields.tags, Some(vec!["prod".to_owned(), "vpn".to_owned()]));
    assert_eq!(rows[0].fields.expires_at, Patch::Set(Timestamp::parse("2027-01-02T03:04:05Z").unwrap()));
    assert_eq!(rows[0].adjustments, ["has an attachment, which is not taken"]);
    assert_eq!(rows[1].fields.tags, Some(vec!["Infra/Firewalls".to_owned()]));
    assert_eq!(secret(&rows[1], SecretField::Password).unwrap(), "");
    assert!(secret(&rows[1], SecretField::TotpSecret).unwrap().starts_with("otpauth://"));
    assert_eq!(rows[2].fields.is_active, Some(false));
    rows.iter().for_each(enter);
}

#[test]
fn damaged_bytes_of_a_keepass_entry_or_a_bitwarden_item_are_its_fault_alone() {
    let entry =
        |title: &[u8]| [&b"<Entry><String><Key>Title</Key><Value>"[..], title, b"</Value></String></Entry>"].concat();
    let file = [
        &b"<KeePassFile><Root><Group>"[..],
        &entry(b"good"),
        &entry(b"\xc3\x28"),
        &entry(b"too"),
        b"</Group></Root></KeePassFile>",
    ];
    let rows = parse(ImportFormat::Keepass, &file.concat()).unwrap();
    assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let items: &[u8] = b"{\"items\":[{\"type\":1,\"name\":\"a\"},{\"type\":1,\"name\":\"\xc3\x28\"},{\"type\":\"x\"}]}";
    let rows = parse(ImportFormat::Bitwarden, items).unwrap();
    assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn bitwarden_items_of_every_kind_are_read() {
    let json = format!(
        r#"{{"encrypted":false,"folders":[{{"id":"f1","name":"Clients/Acme"}}],"collections":[{{"id":"c1","name":"Shared"}}],"items":[
        {{"type":1,"name":"Login","folderId":"f1","collectionIds":["c1"],"notes":"n\nm","passwordHistory":[{{"password":"former"}}],
          "login":{{"username":"joe","password":"","totp":"{SEED}","uris":[{{"uri":"https://a.example"}},{{"uri":"https://b.example"}}]}},
          "fields":[{{"name":"pin","value":"1234","type":1}},{{"name":"pin","value":"5","type":0}},{{"name":null,"value":true,"type":2}}]}},
        {{"type":2,"name":"Note","notes":"text","secureNote":{{"type":0}}}},
        {{"type":3,"name":"Card","card":{{"number":"4111","code":"123","expMonth":null,"expYear":2030}}}},
        {{"type":4,"name":"Id","identity":{{"firstName":"J"}}}},
        {{"type":5,"name":"Key","sshKey":{{"privateKey":"-----BEGIN","publicKey":"ssh-ed25519 A","keyFingerprint":"SHA256:x"}}}},
        {{"type":9,"name":"New","deletedDate":"2026-01-01T00:00:00Z"}}]}}"#
    );
    let rows = good(ImportFormat::Bitwarden, json);
    assert_eq!(rows.len(), 6);
    let login = &rows[0];
    assert_eq!(login.fields.tags, Some(vec!["Clients/Acme".to_owned(), "Shared".to_owned()]));
    assert_eq!(secret(login, SecretField::Password).unwrap(), "");
    assert_eq!(secret(login, SecretField::TotpSecret).unwrap(), SEED);
    let wanted = [("field", "true"), ("pin", "1234"), ("pin (2)", "5"), ("url", "https://b.example")];
    assert_eq!(custom(login), wanted.map(owned).into());
    let kinds: Vec<_> = rows.iter().map(|row| row.fields.credential_type.unwrap()).collect();
    let note = CredentialType::Note;
    assert_eq!(kinds, [CredentialType::Password, note, note, note, CredentialType::SshKey, note]);
    assert_eq!(custom(&rows[2]), [("number", "4111"), ("code", "123"), ("expYear", "2030")].map(owned).into());
    assert_eq!(secret(&rows[4], SecretField::PrivateKey).unwrap(), "-----BEGIN");
    assert_eq!(rows[5].fields.is_active, Some(false));
    assert_eq!(rows[5].adjustments.len(), 2);
    rows.iter().for_each(enter);
}

#[test]
fn nothing_of_a_value_shows_in_what_is_told() {
    let rows = good(ImportFormat::Csv, "name,password\nA,hunter2\n");
    assert!(!format!("{rows:?}").contains("hunter2"));
    let fault = parse(ImportFormat::Bitwarden, b"{\"items\": \"hunter2\"}").unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hunter2"));
    let rows = parse(ImportFormat::Bitwarden, b"{\"items\": [{\"type\":1,\"login\":\"hunter2\"}]}").unwrap();
    assert!(!format!("{rows:?}").contains("hunter2"));
    assert_eq!(Secret::default().expose(), "");
}

proptest! {
    #[test]
    fn whatever_a_table_holds_can_be_entered(cells in prop::collection::vec("\\PC{0,40}|.{0,12}", 4..40)) {
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut table = "name,username,url,password,otp,tags,x,x\n".to_owned();
        for row in cells.chunks(8) {
            table.push_str(&row.iter().map(quoted).collect::<Vec<_>>().join(","));
            table.push('\n');
        }
        let rows = good(ImportFormat::Csv, &table);
        prop_assert_eq!(rows.len(), cells.len().div_ceil(8));
        for (row, cells) in rows.iter().zip(cells.chunks(8)) {
            enter(row);
            prop_assert_eq!(secret(row, SecretField::Password), cells.get(3).cloned());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [ImportFormat::Csv, ImportFormat::Keepass, ImportFormat::Bitwarden] {
            let _ = parse(format, &bytes);
        }
        let _ = parse(ImportFormat::Csv, &[b"name,password\n", &bytes[..]].concat());
        let _ = parse(ImportFormat::Keepass, &[b"<KeePassFile>", &bytes[..]].concat());
    }
}
