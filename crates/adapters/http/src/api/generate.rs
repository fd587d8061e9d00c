//! The making of passwords and passphrases over HTTP.

use actix_web::{http::StatusCode, post};
use claudetools_credentials::{
    CharacterClass, Credential, CredentialDraft, CredentialFields, PassphrasePolicy, PasswordPolicy, SecretField,
    SecretFields, SecretPolicy,
};
use claudetools_kernel::{Enumeration, Faults, Id, Target, enumeration};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Body, Caller, Write},
    reply::{Answer, Reply},
    wire::{Cross, Field, PasswordLength, SecretText, Uid, Word, WordCount},
};

type KindWord = Word<Kind>;
type ClassWord = Word<CharacterClass>;
type SecretWord = Word<SecretField>;

/// Long enough that nobody tries them all.
const LENGTH: i32 = 24;
/// 66 bits.
const WORDS: i32 = 6;

enumeration! {
    /// What is made.
    enum Kind {
        /// Characters.
        Password = "password",
        /// Words.
        Passphrase = "passphrase",
    }
}

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(generate);
}

/// What to make, and where to put it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"kind": "password", "length": 24, "classes": ["lower", "upper", "digits"]}))]
struct GenerateBody {
    /// `password` unless given.
    #[schema(value_type = KindWord)]
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
    credential_id: Field<Uid>,
    /// The secret field of that credential; `password` unless given.
    #[schema(value_type = SecretWord)]
    field: Field<SecretWord>,
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

impl GenerateBody {
    fn policy(&self) -> Result<SecretPolicy, claudetools_kernel::Error> {
        let mut faults = Faults::default();
        let kind = self.kind.clone().cross().unwrap_or(Kind::Password);
        let given = |name: &str, is_given: bool, of: Kind, faults: &mut Faults| {
            if is_given && kind != of {
                faults.semantic(name, "kind", &format!("is for a {} only", of.as_str()));
            }
        };
        let (length, words): (Option<i32>, Option<i32>) = (self.length.clone().cross(), self.words.clone().cross());
        let classes: Option<Vec<CharacterClass>> = self.classes.clone().cross();
        let (unambiguous, capitalise): (Option<bool>, Option<bool>) =
            (self.exclude_ambiguous.clone().cross(), self.capitalise.clone().cross());
        let separator: Option<String> = self.separator.clone().cross();
        given("length", length.is_some(), Kind::Password, &mut faults);
        given("classes", classes.is_some(), Kind::Password, &mut faults);
        given("exclude_ambiguous", unambiguous.is_some(), Kind::Password, &mut faults);
        given("words", words.is_some(), Kind::Passphrase, &mut faults);
        given("separator", separator.is_some(), Kind::Passphrase, &mut faults);
        given("capitalise", capitalise.is_some(), Kind::Passphrase, &mut faults);
        let number = |given: Option<i32>, usual: i32| usize::try_from(given.unwrap_or(usual)).unwrap_or_default();
        let policy = match kind {
            Kind::Password => {
                let classes = classes.unwrap_or_else(|| CharacterClass::ALL.to_vec());
                let length = number(length, LENGTH);
                PasswordPolicy::new(length, &classes, unambiguous.unwrap_or(false), &mut faults)
                    .map(SecretPolicy::Password)
            }
            Kind::Passphrase => {
                let (words, separator) = (number(words, WORDS), separator.unwrap_or_else(|| "-".to_owned()));
                PassphrasePolicy::new(words, &separator, capitalise.unwrap_or(false), &mut faults)
                    .map(SecretPolicy::Passphrase)
            }
        };
        faults.finish()?;
        policy.ok_or_else(|| Faults::one("kind", "form", "could not be read"))
    }
}

/// Make a password or a passphrase
///
/// Every one that the policy admits is as likely as any other. With `credential_id` it becomes a secret of that credential, as a new
/// version, and is not shown.
#[utoipa::path(request_body = GenerateBody, responses((status = 200, body = GeneratedView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials/generate")]
async fn generate(caller: Caller<Write>, body: Body<GenerateBody>) -> Answer {
    let (services, who, policy) = (caller.services(), caller.who(), body.0.policy()?);
    let id: Option<Id<Credential>> = body.0.credential_id.clone().cross();
    let field: Option<SecretField> = body.0.field.clone().cross();
    let Some(id) = id else {
        if field.is_some() {
            return Err(Faults::one_semantic("field", "credential_id", "needs credential_id").into());
        }
        let (secret, entropy_bits) = services.vault.generate(caller.actor(), &policy)?;
        let view = GeneratedView { secret: Some(SecretText(secret)), entropy_bits, credential_id: None, version: None };
        return caller.show_secret(&view);
    };
    let field = field.unwrap_or(SecretField::Password);
    if matches!(field, SecretField::CustomFields | SecretField::TotpSecret) {
        return Err(Faults::one_semantic("field", "text", "must be a field that takes any text").into());
    }
    let (secret, entropy_bits) = services.vault.generate(caller.actor(), &policy)?;
    let target = Target::any(id);
    let draft = CredentialDraft { fields: CredentialFields::default(), secrets: SecretFields::of(field, secret) };
    let render = |outcome: &Result<Credential, claudetools_credentials::Refusal>| match outcome {
        Ok(now) => {
            let (credential_id, version) = (Some(now.id.uuid()), Some(now.version));
            Reply::plain(StatusCode::OK, &GeneratedView { secret: None, entropy_bits, credential_id, version })
        }
        Err(refusal) => Err((*refusal).into()),
    };
    caller.write(|| services.credentials.update(caller.actor(), &who, &target, draft.clone()), render).await
}
