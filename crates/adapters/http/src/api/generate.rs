//! The making of passwords and passphrases over HTTP.

use actix_web::{http::StatusCode, post};
use claudetools_credentials::{
    CharacterClass, Credential, CredentialDraft, PolicyFields, SecretField, SecretFields, SecretKind, SecretPolicy,
};
use claudetools_kernel::{Faults, Id, Target};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    extract::{Body, Caller, Write, granted},
    mounting::ServiceConfig,
    reply::{Answer, Reply},
    wire::{Cross, Field, PasswordLength, SecretText, Uid, Word, WordCount},
};

type KindWord = Word<SecretKind>;
type ClassWord = Word<CharacterClass>;
type SecretWord = Word<SecretField>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(generate);
}

/// What to make, and where to put it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(Order)]
#[child_parents(policy: PolicyFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"kind": "password", "length": 24, "classes": ["lower", "upper", "digits"]}))]
struct GenerateBody {
    /// `password` unless given.
    #[schema(value_type = KindWord)]
    #[o2o(repeat)]
    #[child(policy)]
    #[into(~.cross())]
    kind: Field<KindWord>,
    /// Of a password, in characters; 24 unless given.
    length: Field<PasswordLength>,
    /// Of a password; all unless given. At least one character of each.
    #[schema(value_type = Vec<ClassWord>, min_items = 1)]
    classes: Field<Vec<ClassWord>>,
    /// Of a password: without 0, O, o, 1, l, I and |. False unless given.
    exclude_ambiguous: Field<bool>,
    /// Of a passphrase; 6 unless given.
    words: Field<WordCount>,
    /// Of a passphrase: at most 4 characters between the words, none of them a letter; `-` unless given.
    #[schema(value_type = String, max_length = 4, example = "-")]
    separator: Field<String>,
    /// Of a passphrase: whether each word begins with a capital letter. False unless given.
    capitalise: Field<bool>,
    /// The credential that it becomes a secret of; it is then not shown.
    #[o2o(stop_repeat)]
    #[o2o(repeat)]
    #[into(~.cross())]
    credential_id: Field<Uid>,
    /// The secret field of that credential; `password` unless given.
    #[schema(value_type = SecretWord)]
    field: Field<SecretWord>,
}

struct Order {
    policy: PolicyFields,
    credential_id: Option<Id<Credential>>,
    field: Option<SecretField>,
}

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
struct GeneratedView {
    /// Absent when it went into a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "q7RzVn2mKxT9cWb4LdHs8YpE")]
    secret: Option<SecretText>,
    /// The logarithm to base 2 of how many there could have been.
    #[schema(example = 142.3)]
    entropy_bits: f64,
    /// Present when it went into a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    credential_id: Option<Uuid>,
    /// The version of that credential's secrets which has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    version: Option<i64>,
}

/// Make a password or a passphrase
///
/// Every one that the policy admits is as likely as any other. With `credential_id` it becomes a secret of that credential, as a new
/// version, and is not shown.
#[utoipa::path(request_body = GenerateBody, responses((status = 200, body = GeneratedView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials/generate")]
async fn generate(caller: Caller<Write>, body: Body<GenerateBody, Order>) -> Answer {
    let (services, who, Order { policy, credential_id, field }) = (caller.services(), caller.who(), body.0);
    let (secret, entropy_bits) = services.vault.generate(caller.actor(), &SecretPolicy::new(&policy)?)?;
    let Some(id) = credential_id else {
        if field.is_some() {
            return Err(Faults::one_semantic("field", "credential_id", "needs credential_id").into());
        }
        let secret = Some(SecretText(secret));
        return caller.show_secret(&GeneratedView { secret, entropy_bits, credential_id: None, version: None });
    };
    let secrets = SecretFields::of(field.unwrap_or(SecretField::Password), secret)?;
    let (target, draft) = (Target::any(id), CredentialDraft { secrets, ..CredentialDraft::default() });
    let render = |outcome: &_| {
        let Credential { id, version, .. } = granted(outcome)?;
        let (credential_id, version) = (Some(id.uuid()), Some(*version));
        Reply::plain(StatusCode::OK, &GeneratedView { secret: None, entropy_bits, credential_id, version })
    };
    caller.write(|| services.credentials.update(caller.actor(), &who, &target, draft.clone()), render).await
}
