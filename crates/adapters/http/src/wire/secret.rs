//! Passwords and tokens in bodies and answers.

use std::{borrow::Cow, collections::BTreeMap};

use claudetools_kernel::{Secret, text};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    __dev::ComposeSchema,
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, schema::SchemaType},
};

use super::Cross;

/// A password or a token: shown by no `Debug`, repeated in no error, in full only in the answer that hands it out.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretText(pub(crate) Secret);

impl Cross<Secret> for SecretText {
    fn cross(self) -> Secret {
        self.0
    }
}

impl Cross<SecretText> for Secret {
    fn cross(self) -> SecretText {
        SecretText(self)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's own message would repeat a password that was sent as a number.
        let text = String::deserialize(deserializer).map_err(|_| de::Error::custom("it must be a string"))?;
        Ok(Self(Secret::new(text)))
    }
}

impl ComposeSchema for SecretText {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).into()
    }
}

impl ToSchema for SecretText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineSecretText")
    }
}

/// Secrets under names of one's own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct NamedSecrets(BTreeMap<String, SecretText>);

impl Cross<BTreeMap<String, Secret>> for NamedSecrets {
    fn cross(self) -> BTreeMap<String, Secret> {
        self.0.into_iter().map(|(name, secret)| (name, secret.cross())).collect()
    }
}

impl PartialSchema for NamedSecrets {
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .min_length(Some(1))
            .max_length(Some(text::LINE))
            .pattern(Some(super::text::LINE));
        ObjectBuilder::new()
            .property_names(Some(Schema::Object(name.build())))
            .additional_properties(Some(SecretText::schema()))
            .into()
    }
}

impl ToSchema for NamedSecrets {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineNamedSecrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_the_wrong_type_is_not_repeated_in_the_error() {
        let error = serde_json::from_str::<SecretText>("12345678").unwrap_err().to_string();
        assert!(error.contains("must be a string") && !error.contains("12345678"), "{error}");
    }

    #[test]
    fn a_secret_shows_in_the_answer_and_nowhere_else() {
        let secret: SecretText = serde_json::from_str("\"hunter2\"").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hunter2\"");
    }
}
